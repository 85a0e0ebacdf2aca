# ruff: noqa: E501  (the patterns are data, one to a line)
"""The template grammar of S7's posts, written for this project: nothing here was said by anybody.

A pattern holds slots such as ``[here|in all this|of this]``; one alternative of each is drawn. Every strategy of the
Brief-COPE (Carver 1997) has several patterns of several slots, so that it has dozens to hundreds of phrasings. The
filler speaks of four parts of life (study, work, sleep, family), one for each level of the latent trait.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

TOPICS = ("study", "work", "sleep", "family")

FILLER: dict[str, tuple[str, ...]] = {
    "study": (
        "My [thesis|dissertation|literature review|methods chapter] is [weeks|a month|far] behind [schedule|plan].",
        "The [exam|seminar|oral exam|qualifying exam] is [next week|in two weeks|coming up] and my [notes|flashcards|readings] are [a mess|not done].",
        "My [advisor|supervisor|committee|professor] wants [another draft|new analyses|more revisions] by [Friday|the end of term].",
        "I sat in the [library|lab|lecture hall] [all day|until closing|for hours] over the same [paper|problem set|chapter].",
        "The [grades|reviews|comments] for my [essay|proposal|coursework] came back and they were [rough|harsh|lower than I hoped].",
        "[Classes|Lectures|Tutorials] start again and the [semester|term|course load] [looks|feels] [heavy|endless].",
        "I [keep rewriting|cannot finish] the [introduction|statistics section|abstract] of my [thesis|term paper|manuscript].",
    ),
    "work": (
        "My [boss|manager|team lead] [moved|changed] the [deadline|targets|shift plan] [again|without asking].",
        "The [office|warehouse|shop|call centre] is [short of staff|noisy|tense] and the [shifts|meetings|tickets] [pile up|never end].",
        "I had [another|a second|one more] [job interview|performance review|contract talk] [this week|on Monday].",
        "[Overtime|The commute|The night shift] at my [job|company|workplace] [eats|takes] the [whole week|evenings].",
        "They [announced|hinted at] [layoffs|cuts|a reorganisation] in our [department|branch|team].",
        "A [client|customer|colleague] [complained|yelled on the phone] about an [invoice|order|email] I sent.",
        "My [salary|paycheck|contract] [barely covers|does not cover] the [rent|bills] and the [career|promotion] talk is [delayed|off].",
    ),
    "sleep": (
        "I was [awake|wide awake|staring at the ceiling] [until three|until four|most of the night] [again|this week].",
        "My [insomnia|broken sleep|sleep rhythm] is [worse|bad|all over the place] since [winter|the move|last month].",
        "[Waking up|Lying awake] at [two|four|five] in the [night|morning] makes me [tired|groggy|foggy] all day.",
        "The [alarm|dawn|snooze button] comes and I have had [three|four|maybe two] hours of [rest|sleep].",
        "I [tried|changed] the [pillow|mattress|bedtime|melatonin dose] and I am [still|just as] [tired|exhausted].",
        "[Nightmares|Racing thoughts in bed|Restless legs] keep me from [dozing off|falling asleep|a full night].",
        "By [noon|the afternoon] I am [yawning|drowsy|napping on the couch] because the [night|bed] gave me no [rest|sleep].",
    ),
    "family": (
        "My [mother|father|sister|brother] and I [argued|had a row|are not speaking] [over dinner|on the phone|again].",
        "The [kids|toddler|twins] [have been ill|need me all day|started daycare] and the [house|household] is [chaos|upside down].",
        "My [parents|in-laws|grandparents] are [visiting|moving in|getting older] and [everybody|nobody] [has opinions|helps].",
        "My [husband|wife|partner] and I [share|divide] the [childcare|housework] and it [is not fair|leads to quarrels].",
        "The [divorce|custody talk|wedding|family reunion] is [coming closer|dragging on|all we discuss at home].",
        "I [look after|drive to] my [grandmother|aunt|uncle|dad] [every weekend|after the hospital visit].",
        "[Holidays|Birthdays|Sundays] with my [relatives|siblings|cousins] are [loud|strained|hard] this year.",
    ),
}

OPENERS = (
    "Hi [all|everyone|there].",
    "[Long time reader|New here], [first post|bear with me].",
    "[Thanks|Thank you] for [this thread|reading].",
    "[Quick|Small] [update|note] from me.",
    "[Same|Similar story] here.",
    "Not sure [where to start|how to put this].",
    "[Reading|Following] along [today|tonight].",
)
CLOSERS = (
    "[Anyway|So], that is [where I am|my week|the state of things].",
    "[Take care|All the best] [everyone|to you].",
    "[Sorry|Apologies] for the [length|wall of text].",
    "[How about you|Does anyone recognise this]?",
    "[Edit|PS]: [typos|spelling], sorry.",
    "[More|Another update] [soon|next week].",
)
TITLES = (
    "[Thoughts|A question|An update] about [this week|these days|my situation]",
    "[Week|Month|Day] [one|three|twelve] of [this|the same]",
    "[Does|Did] [anyone|somebody] else [feel|live] like this",
    "[Checking in|Small update|Where I am now]",
)

STRATEGIES: dict[str, tuple[str, ...]] = {
    "positive_reframing": (
        "I am trying to [see|find|look for] the [bright side|silver lining|upside] [here|in all this|of this].",
        "[Maybe|Perhaps|Looking back,] this is a [chance|opportunity|blessing in disguise] to [grow|become stronger|learn who I am].",
        "[Oddly|In a way], it [taught|showed|gave] me something [good|valuable|positive] and I [am grateful for|appreciate] that [lesson|growth].",
        "I try to see it in a [different|more positive|kinder] light: [it made me stronger|something good came of it|it opened a new door].",
        "There is [some|real] [good|growth|meaning] in [this setback|what happened|this mess], and [I choose to see it|that silver lining counts].",
        "[Seen|Viewed] [another|the other] way, it is a [gift|lesson|positive turn] that helps me [grow|learn|grow as a person].",
        "The [upside|bright side|positive] is that I [learned|grew|discovered] [so much|a lot|something valuable] [from it|through this].",
    ),
    "self_distraction": (
        "I [turn on|put on|binge] [a series|films|video games|television] to [take my mind off it|think about it less].",
        "To [distract myself|keep my mind off things] I [clean|go to the movies|read novels|go shopping].",
        "[Keeping busy|Staying busy] with [crossword puzzles|gardening|jigsaw puzzles] [distracts me|takes my mind off it].",
        "I [daydream|scroll|play a game] [for a while|for an hour] so I [do not have to think|can think of other things].",
    ),
    "active_coping": (
        "I am [doing something|taking action] about it: [today|this week] I [fixed|tackled|dealt with] the [first part|worst part].",
        "I [put my efforts|concentrated my efforts] into [changing|improving] the situation and [got it done|took action].",
        "[Yesterday|This morning] I [rolled up my sleeves|got to work] and [tackled|dealt with] the [problem|backlog] directly.",
        "I [acted on it|took direct action] and [handled|sorted out] [one thing|the hardest piece] at once.",
    ),
    "denial": (
        "I [keep saying|tell myself] this [is not real|is not happening].",
        "I [refuse|simply refuse] to [believe|accept] that it [happened|is true].",
        "[No way|It cannot be], I [pretend|act as if] it [never happened|did not happen].",
        "[Honestly|Truth be told] I [deny|do not believe] there [is|ever was] a problem, it [is not real|cannot be true].",
    ),
    "substance_use": (
        "I [had|poured] [a glass of wine|a beer|a few drinks] to [get through it|feel better].",
        "[Wine|Beer|A drink] [helps me|gets me] through the [evening|weekend], I [drink|drank] more than I [should|want].",
        "I [use|used] [alcohol|weed] to [make myself feel better|get through the evening].",
        "[Drinking|Smoking weed] is how I [got|get] through [it|the evening].",
    ),
    "emotional_support": (
        "My [best friend|friend] [listened|comforted me] and I felt [understood|less alone].",
        "I [got|found] [comfort|emotional support|sympathy] from [a close friend|people who care|this group].",
        "[Somebody|A friend] [hugged me|held my hand] and the [understanding|comfort] [helped|meant a lot].",
        "[Being heard|Feeling understood] by [a friend|somebody kind] gave me [comfort|warmth].",
    ),
    "instrumental_support": (
        "I [asked|rang] [a counsellor|a doctor|someone experienced] for [advice|help] on [what to do|the next step].",
        "Can [anyone|somebody] [give me advice|recommend a resource|tell me what to do]?",
        "I [got|am getting] [advice|practical help] from [a tutor|a lawyer|the helpline] about [what to do|my options].",
        "[Any tips|Any advice|Any recommendations] on [how to handle it|what you did] [would help|please]?",
    ),
    "behavioral_disengagement": (
        "I [gave up|have given up] [trying|the attempt] to [deal with it|cope].",
        "I [quit|stopped] trying, there is [no point|no use] [any more|in working at it].",
        "[What is the point|Why bother], I am [done trying|throwing in the towel].",
        "I [let it slide|dropped everything] and [stopped making an effort|gave up on it].",
    ),
    "venting": (
        "I [need|have] to [vent|let it out]: I am [so angry|furious|fed up].",
        "[Rant|Vent] [over|ahead], I had to [get it off my chest|let off steam].",
        "I [screamed|cried|shouted] [into a pillow|in the car] to let my [unpleasant feelings|anger] [out|escape].",
        "[Argh|Ugh], this is [infuriating|so unfair], I just [need to vent|want to scream].",
    ),
    "planning": (
        "I [made|drew up|wrote] a [step by step plan|strategy|schedule] for [what to do|the coming weeks].",
        "My [strategy|plan] is to [list the steps|set milestones] and [think hard|work out] what comes [first|next].",
        "I am [working out|thinking hard about] [a strategy|which steps to take] [next|first].",
        "[Tonight|On Sunday] I [plan|map out] [the week|each step] in a [calendar|spreadsheet].",
    ),
    "humor": (
        "I [joke|keep joking] about it: my [life|calendar] is a [sitcom|comedy|circus], [haha|lol].",
        "[Haha|Lol], I [laughed|made fun of it] because it is [so absurd|ridiculous].",
        "I [make fun of|poke fun at] the whole [situation|thing], [cue the laugh track|insert clown music], lol.",
        "[Plot twist|Breaking news]: [the cat has a better schedule than me|my coffee needs a coffee], [haha|lol].",
    ),
    "acceptance": (
        "I [accept|have accepted] that it [is what it is|has happened].",
        "I am [learning to live with it|coming to terms with it], [that is reality|it is what it is].",
        "It [happened|is a fact] and I [can live with it|make my peace with it].",
        "[Some things|Certain things] [cannot be changed|are as they are], so I [accept|live with] them.",
    ),
    "religion": (
        "I [pray|prayed|meditate] [about it|every evening] and [trust|turn to] God.",
        "My [faith|church|mosque|temple] [carries me|comforts me], I [prayed|lit a candle] [today|on Sunday].",
        "I [found|find] [comfort|strength] in my [religion|spiritual beliefs|prayers].",
        "[Scripture|A psalm|A prayer] and the [congregation|choir] [keep me going|give me strength].",
    ),
    "self_blame": (
        "It is [all my fault|my own fault], I [criticise|blame] myself [all day|for everything].",
        "I [blame|criticise] myself [for what happened|for not being better].",
        "I [keep telling myself|think] I [ruined it|caused this], [stupid me|I am to blame].",
        "[Once again|As always] I [messed up|let everyone down] and I [blame|scold] myself.",
    ),
}

_SLOT = re.compile(r"\[([^\]]*)\]")


class Dice:
    """A stream of choices drawn from `rng` in blocks, so that a choice costs no more than an index."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._draws: Iterator[float] = iter(())

    def uniform(self) -> float:
        """Return the next number in [0, 1)."""
        for draw in self._draws:
            return draw
        self._draws = iter(self._rng.random(4096).tolist())
        return next(self._draws)

    def pick(self, options: Sequence[str]) -> str:
        """Return one of `options`, each equally likely."""
        return options[int(self.uniform() * len(options))]


def _compile(pattern: str) -> tuple[tuple[str, ...], ...]:
    parts = _SLOT.split(pattern)
    return tuple((part,) if i % 2 == 0 else tuple(part.split("|")) for i, part in enumerate(parts))


_COMPILED: dict[str, tuple[tuple[str, ...], ...]] = {}


def speak(pattern: str, dice: Dice) -> str:
    """Return one sentence of `pattern`, its slots drawn from `dice`."""
    parts = _COMPILED.get(pattern)
    if parts is None:
        parts = _COMPILED.setdefault(pattern, _compile(pattern))
    return "".join(part[0] if len(part) == 1 else dice.pick(part) for part in parts)


def phrasings(patterns: Sequence[str]) -> int:
    """Count the distinct sentences that `patterns` can make."""
    return sum(int(np.prod([len(part) for part in _compile(pattern)])) for pattern in patterns)


def filler(level: int, fidelity: float, dice: Dice) -> str:
    """Return one filler sentence: of the trait's own topic with probability `fidelity`, else of any topic."""
    topic = TOPICS[level] if dice.uniform() < fidelity else dice.pick(TOPICS)
    return speak(dice.pick(FILLER[topic]), dice)


def post_text(level: int, strategies: Sequence[str], fidelity: float, dice: Dice) -> str:
    """Return the text of a post: filler of the trait's topic, then a sentence for each strategy, framed at random."""
    sentences = [filler(level, fidelity, dice) for _ in range(2 + int(dice.uniform() * 2))]
    sentences += [speak(dice.pick(STRATEGIES[strategy]), dice) for strategy in strategies]
    if len(strategies) and dice.uniform() < 0.5:
        sentences.append(sentences.pop(0))
    if dice.uniform() < 0.4:
        sentences.insert(0, speak(dice.pick(OPENERS), dice))
    if dice.uniform() < 0.35:
        sentences.append(speak(dice.pick(CLOSERS), dice))
    return " ".join(sentences)
