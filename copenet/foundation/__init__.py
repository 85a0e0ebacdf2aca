"""What every room stands on: errors, atomic files, validated tables, progress and named random streams."""
