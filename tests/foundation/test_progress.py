import io

from copenet.foundation.progress import SILENT, ConsoleProgress, for_stream


def test_a_pipe_sees_nothing():
    assert for_stream(io.StringIO()) is SILENT
    with SILENT.task("reading", total=3) as task:
        task.advance()


def test_a_terminal_sees_the_name_of_the_task():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with ConsoleProgress(stream).task("reading", total=2, unit="messages") as task:
        task.advance(2)
    assert "reading" in stream.getvalue()
