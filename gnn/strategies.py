"""The taxonomy of coping: the fourteen strategies of the Brief COPE.

The names and their order of ideas follow Carver (1997), "You want to measure coping but your protocol's too long:
consider the Brief COPE", International Journal of Behavioral Medicine 4(1), 92-100. The definitions are in our own
words, and every phrase and prototype sentence was written for this project: no item of the questionnaire is quoted.
They describe how people write about coping. They say nothing about health, and they diagnose nobody.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Strategy:
    """One way of coping.

    Attributes:
        id: The name used in every table and setting.
        name: The name used in figures and reports.
        definition: What counts, in one sentence.
        phrases: Cues as regular expressions, matched on lower-case text between word boundaries.
        prototypes: Sentences that show the strategy; the codebook compares messages with them.
    """

    id: str
    name: str
    definition: str
    phrases: tuple[str, ...]
    prototypes: tuple[str, ...]


STRATEGIES: tuple[Strategy, ...] = (
    Strategy(
        "self_distraction",
        "Self-distraction",
        "Turning to other activities so as to think less about the stressor.",
        (
            r"(?:to )?(?:take|took|taking|keep|kept|keeping|get|got) my mind off",
            r"(?:to )?distract(?:ed|ing)? myself",
            r"(?:as|need|needed|welcome|good|nice) (?:a |some )?distractions?",
            r"(?:watch|watched|watching) (?:tv|netflix|youtube|movies|films|anime|a show|some shows)",
            r"(?:play|played|playing) (?:video ?)?games",
            r"(?:to|an|my|as) escape (?:from )?(?:it|everything|reality|this|the stress|my)",
            r"(?:picked|pick|took|take) up (?:a|some|new|an old) (?:new |old )?hobb(?:y|ies)",
            r"(?:kept|keep|keeping) (?:myself )?busy",
            r"so (?:that )?i (?:don't|do not|didn't|wouldn't) (?:have to )?think about (?:it|this|that)",
            r"binge(?:d|ing)?[- ]watch(?:ed|ing)?",
        ),
        (
            "I put on a film so that I would stop thinking about it for a while.",
            "Keeping busy with the garden takes my mind off everything.",
            "I went out for a long walk and played games all evening just to be distracted.",
            "Whenever it gets bad I bury myself in other things so I do not dwell on it.",
        ),
    ),
    Strategy(
        "active_coping",
        "Active coping",
        "Taking steps oneself to remove the stressor or to lessen its effects.",
        (
            r"i(?:'ve| have)? (?:finally )?(?:took|taken) (?:action|matters into my own hands)",
            r"i(?:'m| am|'ve been| have been) (?:actively )?(?:working on|tackling) (?:it|this|that|my)",
            r"i (?:finally )?(?:dealt with|sorted out|tackled|confronted) (?:it|this|that|the|my)",
            r"doing something about (?:it|this)",
            r"i(?:'ve| have)? (?:started|begun) (?:going to|seeing|doing|practising|practicing|exercising)",
            r"one (?:task|thing|step) at a time",
        ),
        (
            "I rang the office this morning and sorted the problem out myself.",
            "I have been working on it every day and doing something to change my situation.",
            "Instead of waiting I tackled the first part tonight and got it done.",
            "I took action: I dropped the extra shift and changed my routine.",
        ),
    ),
    Strategy(
        "denial",
        "Denial",
        "Refusing to believe that the stressor is real or has happened.",
        (
            r"(?:this|it) (?:can't|cannot|can not) be (?:real|true|happening)",
            r"(?:this|it) (?:isn't|is not|wasn't) (?:real|really happening|actually happening)",
            r"i(?:'m| am| was)? (?:still )?in (?:complete |total )?denial",
            r"i (?:refuse|refused|can't bring myself) to (?:believe|accept)",
            r"(?:still |just )?(?:can't|cannot|can not|couldn't) believe (?:this|it|that this|that it)",
            r"(?:doesn't|does not|didn't) (?:feel|seem) real",
            (
                r"(?:ignore|ignored|ignoring) (?:it|the problem|the issue|my problems) ?(?:and hope|until"
                r"|completely|altogether)?"
            ),
            (
                r"pretend(?:ing|ed)? (?:that )?(?:it|this|nothing|everything) (?:isn't|is not|is fine|is okay"
                r"|didn't|never|happened|was)"
            ),
            r"as if (?:it|nothing) (?:never |had )?happened",
        ),
        (
            "I keep telling myself that this is not real and is not happening.",
            "I refuse to believe it; there must have been a mistake.",
            "I carry on as if nothing had happened and pretend that all is well.",
        ),
    ),
    Strategy(
        "substance_use",
        "Substance use",
        "Using alcohol, drugs or medicines not meant for it to feel better or to get through.",
        (
            r"(?:get|got|getting) (?:drunk|wasted|stoned|plastered|hammered)",
            (
                r"(?:drink|drank|drinking|smoke|smoked|smoking) (?:myself|to (?:cope|forget|relax|numb|sleep)"
                r"|(?:it|the pain) away)"
            ),
            r"drown(?:ed|ing)? my sorrows",
            (
                r"i(?:'ve been|'m| am|'d| just| also| usually)? (?:drunk|drinking|hungover|tipsy|smoking weed"
                r"|vaping)"
            ),
            (
                r"i (?:drink|drank|smoke|smoked|vape) (?:a lot|too much|alone|every|weed|pot|more|heavily|some"
                r"|half)"
            ),
            (
                r"(?:alcohol|booze|weed|edibles|xanax|a (?:few )?(?:beers?|drinks?)) (?:to|helps?|helped"
                r"|is the only|and (?:cry|cried))"
            ),
            r"(?:drink|drinking|alcohol) (?:problem|heavily|every (?:night|day)|myself)",
            (
                r"(?:need|needed|want|grab|grabbed|pour|poured) (?:a|another|some) (?:stiff )?(?:drink|beer"
                r"|glass of wine|bottle of wine|joint|whisky|whiskey|vodka)"
            ),
            r"self[- ]medicat(?:e|ed|ing)",
            r"numb(?:ed|ing)? (?:it|myself|the pain) with",
        ),
        (
            "I had a bottle of wine on my own just to get through the evening.",
            "I have been drinking to take the edge off and to feel less of it.",
            "I smoke weed every night because it is the only way I can calm down.",
            "I got drunk again so that I would not have to feel it.",
        ),
    ),
    Strategy(
        "emotional_support",
        "Use of emotional support",
        "Seeking or receiving comfort, understanding and company from others.",
        (
            (
                r"(?:need|needed|could use|looking for|want|wanted) (?:a hug|some (?:comfort|kind words|support"
                r"|encouragement|reassurance)|(?:someone|somebody) to (?:talk to|listen))"
            ),
            r"(?:someone|somebody|anyone) (?:here )?to talk to",
            (
                r"(?:thank you|thanks) (?:all |everyone |everybody |so much |guys )*for (?:the|your|all the"
                r"|all your) (?:support|kind words|kindness|encouragement|comfort|understanding|love)"
            ),
            r"(?:has|have|is|been|was|were) (?:so |very |really )?(?:supportive|there for me)",
            (
                r"(?:glad|nice|good|comforting|helps) to (?:know|hear) (?:that )?(?:i'm|i am) not (?:alone"
                r"|the only one)"
            ),
            r"(?:lean|leaned|leant|leaning) on my (?:friends|family|partner|husband|wife|mum|mom|parents)",
            r"(?:feel|felt) less alone",
        ),
        (
            "I just need somebody to listen and tell me that I am not alone.",
            "My sister sat with me and comforted me while I cried.",
            "Thank you all for your kind words, they mean a great deal to me.",
            "My friends have been there for me and it helps to feel understood.",
        ),
    ),
    Strategy(
        "instrumental_support",
        "Use of instrumental support",
        "Seeking or receiving advice, information or practical help.",
        (
            r"(?:any|some|your|for) (?:advice|tips|suggestions|recommendations|pointers|guidance)",
            r"what (?:should|can|would) (?:i|you) do",
            (
                r"(?:has|have) any(?:one|body)(?: here| else)? (?:been through|dealt with|experienced|tried|had"
                r"|gone through)"
            ),
            r"(?:does|do) any(?:one|body)(?: here| else)? (?:know|have)",
            (
                r"(?:asked|emailed|talked to|spoke to|speak to|contacted|met with) my (?:advisor|adviser"
                r"|supervisor|professor|tutor|doctor|therapist|counsellor|counselor|gp|manager|boss) (?:about"
                r"|for|to)"
            ),
            r"how (?:do|did|should|would) (?:you|i) (?:deal|cope|handle|go about|approach)",
        ),
        (
            "Could anybody tell me what I should do about this?",
            "I am looking for advice from people who have been in the same situation.",
            "I asked my tutor for help and she explained which forms to fill in.",
            "Does anyone know how to handle this? Any tips would be welcome.",
        ),
    ),
    Strategy(
        "behavioral_disengagement",
        "Behavioural disengagement",
        "Giving up the attempt to cope or to reach the goal.",
        (
            (
                r"i(?:'ve| have|'m|am| just| just want to| want to|'m about to|'m ready to)? ?(?:give|gave"
                r"|given|giving) up(?! (?:my|a|the|coffee|sugar|smoking|drinking|some|your|on you))"
            ),
            r"(?:i(?:'m| am) )?(?:just )?(?:done|finished) trying",
            r"i(?:'ve| have)? (?:stopped|quit) (?:trying|caring|bothering)",
            (
                r"(?:there(?:'s| is)|what(?:'s| is)) (?:no|the) point (?:in|of) (?:trying|even|going|doing"
                r"|studying|applying)"
            ),
            r"(?:want|wanted|going|about|ready|decided) to (?:drop out|quit|throw in the towel)",
            r"i (?:can't|cannot) (?:do|take) (?:this|it) any ?more",
        ),
        (
            "I have stopped trying, there is no point any more.",
            "I am giving up on it and will not even attempt the rest.",
            "I just lie there and do nothing because I cannot cope with it.",
            "I have thrown in the towel; let it all fall apart.",
        ),
    ),
    Strategy(
        "venting",
        "Venting",
        "Letting unpleasant feelings out by saying them.",
        (
            (
                r"(?:just )?(?:need|needed|want|wanted|have|had) to (?:vent|rant|scream|get (?:this|it|that)"
                r" off my chest|let (?:it|this) out)"
            ),
            (
                r"(?:sorry|thanks|thank you|excuse me) for (?:the|my|letting me|listening to my)"
                r" (?:long )?(?:rant|vent|ranting|venting)"
            ),
            r"(?:rant|vent) over",
            r"(?:end|\[) ?rant",
            r"i(?:'m| am) (?:so|just so|beyond) (?:angry|furious|frustrated|pissed|fed up|mad|sick of)",
            r"i (?:fucking |absolutely |just )?hate (?:this|it|my|that|everything|being|how)",
            r"(?:makes|making) me (?:so )?(?:furious|angry|want to scream)",
        ),
        (
            "I just have to let this out because I am so angry that I could scream.",
            "Sorry for the rant, I needed to get it off my chest.",
            "I am fed up, I am furious, and I have had enough of all of this!",
            "I cried and shouted at the wall until the feeling was out.",
        ),
    ),
    Strategy(
        "positive_reframing",
        "Positive reframing",
        "Seeing the stressor in a more positive light, or looking for something good in it.",
        (
            r"(?:on the|look on the|looking on the) bright side",
            r"silver lining",
            r"blessing in disguise",
            (
                r"(?:learn|learned|learnt|learning|grow|grew|grown|growing) (?:so much |a lot "
                r"|something )?from (?:this|it|that|the experience|my mistakes)"
            ),
            r"(?:made|makes|make|making) me (?:a )?(?:stronger|better|more resilient|wiser)",
            r"(?:worked|works|work) out for the (?:best|better)",
            (
                r"(?:see|saw|seeing|view|treat|think of) (?:it|this|that) as (?:a|an) (?:opportunity|chance"
                r"|lesson|challenge|learning)"
            ),
            r"(?:grateful|thankful) (?:that|for) (?:this|it|the experience|what|having)",
        ),
        (
            "Looking back it made me stronger and taught me what matters.",
            "There is a silver lining: I now know what I really want.",
            "I try to see it as a chance to grow rather than as a failure.",
            "It was hard, but something good came out of it and I am grateful for that.",
        ),
    ),
    Strategy(
        "planning",
        "Planning",
        "Thinking out what steps to take and how to go about them.",
        (
            r"(?:my|the|a|new) (?:game )?plan (?:is|now is|for|of action)",
            r"i(?:'m| am|'ve been| have been)? plan(?:ning|ned)? (?:to|on)",
            (
                r"(?:made|make|making|wrote|write|writing|have|drew up) (?:a|myself a|out a|my)"
                r" (?:to-?do )?(?:list|schedule|timetable|plan|spreadsheet|calendar)"
            ),
            r"(?:step by step|next steps?|first step)",
            (
                r"i(?:'m| am) (?:trying to )?(?:figuring|figure|working|work) out (?:how|what|which|a way)"
                r" (?:to|i)"
            ),
            r"break (?:it|this|everything|things) (?:down )?into",
        ),
        (
            "I made a list of the steps and put a date next to each of them.",
            "My plan is to finish one part this week and then decide about the next.",
            "I am trying to work out a strategy for what to do.",
            "I have drawn up a timetable so that I know what comes first.",
        ),
    ),
    Strategy(
        "humor",
        "Humour",
        "Making jokes about the stressor or making fun of the situation.",
        (
            r"(?:have|had|got|gotta|need) to laugh (?:about|at|or|because)?",
            r"(?:laugh|laughed|laughing|joke|joked|joking) (?:about|at) (?:it|this|that|myself|how)",
            (
                r"(?:laugh|laughing) (?:so|or|to keep from|instead of) (?:that )?(?:i )?(?:don't|do not|cry"
                r"|crying|i'll cry)"
            ),
            r"(?:l+m+f?a+o+|rofl|lmfao|ha(?:ha)+)",
            r"(?:dark|gallows) humou?r",
            r"cries in \w+",
        ),
        (
            "At this point all I can do is laugh about how absurd my life has become.",
            "I make jokes about it, because otherwise I would cry.",
            "My stress has its own postcode by now, and it charges me rent.",
            "We laughed until it hurt at what a comedy the whole disaster was.",
        ),
    ),
    Strategy(
        "acceptance",
        "Acceptance",
        "Accepting that the stressor has happened, and learning to live with it.",
        (
            r"it is what it is",
            r"(?:i(?:'ve| have)?|have|to|and) (?:come|came|coming) to terms with",
            r"(?:learn|learned|learnt|learning) to (?:live with|accept)",
            r"i(?:'ve| have|'m| am)? (?:just )?(?:accept|accepted|accepting) (?:that|it|this|the fact)",
            r"(?:made|make|making|at) peace with",
            r"(?:can't|cannot|can not) (?:change|control) (?:it|that|the past|everything|what happened)",
            r"(?:just )?(?:part of (?:life|the process)|the way it is|how it is)",
        ),
        (
            "It happened, I cannot change it, and I am learning to live with that.",
            "I have come to terms with it and made my peace with how things are.",
            "It is what it is; this is my life now and that is all right.",
            "I accept that it will take as long as it takes.",
        ),
    ),
    Strategy(
        "religion",
        "Religion",
        "Finding comfort in faith or spiritual belief, praying or meditating.",
        (
            r"(?:i|i'll|i've been|i'm|will|we|and) (?:pray|prayed|praying|be praying|keep praying)",
            r"(?:my|keep|kept|have|having|through) faith(?! in (?:humanity|people|you|me|yourself|myself))",
            r"god (?:has|have|is|will|gave|gives|helped|bless|willing|got me)",
            r"(?:trust|believe|faith) in (?:god|jesus|allah|the lord|a higher power)",
            (
                r"(?:church|mosque|temple|synagogue|scripture|the bible|the quran) (?:has|helps|helped|gives"
                r"|gave|on|every|to)"
            ),
            r"(?:i|i've|i'm|started|daily|and) (?:meditate|meditated|meditating|meditation)",
        ),
        (
            "I pray every night and that gives me peace.",
            "My faith carries me; I leave it in God's hands.",
            "Going to the service on Sunday gave me comfort.",
            "I meditate and find strength in my spiritual beliefs.",
        ),
    ),
    Strategy(
        "self_blame",
        "Self-blame",
        "Criticising oneself, or holding oneself responsible for what happened.",
        (
            (
                r"(?:it(?:'s| is| was)|this is|that's|all) (?:all |entirely |probably "
                r"|completely )?my (?:own )?(?:fault|doing)"
            ),
            r"i (?:only )?(?:have only |can only )?blame(?:d)? myself",
            r"(?:blame|blaming|blamed|hate|hating|hated|kicking|beating) myself(?: up)?",
            (
                r"i(?:'m| am) (?:such )?(?:a|an|so) (?:complete |total |fucking |huge )?(?:failure|idiot|stupid"
                r"|loser|fool|worthless|disappointment)"
            ),
            r"i (?:brought|did) this (?:on|to) myself",
            (
                r"i (?:should have|should've|shouldn't have) (?:known|tried|done|studied|worked|started"
                r"|listened|never)"
            ),
            r"i (?:messed|screwed|fucked) (?:it |this |everything )?up",
        ),
        (
            "It is all my own fault, I brought this on myself.",
            "I keep blaming myself for what happened.",
            "I am such a failure; anyone else would have managed.",
            "I criticise myself all the time for having been so careless.",
        ),
    ),
)
STRATEGY_IDS: tuple[str, ...] = tuple(strategy.id for strategy in STRATEGIES)


def strategy(identifier: str) -> Strategy:
    """Return the strategy called `identifier`.

    Raises:
        UsageError: No strategy has that id; the message names the nearest one.

    >>> from gnn.strategies import strategy
    >>> strategy("acceptance").name
    'Acceptance'
    """
    from copenet.foundation.errors import UsageError

    for known in STRATEGIES:
        if known.id == identifier:
            return known
    raise UsageError(f"There is no strategy {identifier!r}.", remedy=nearest_hint(identifier))


def nearest_hint(identifier: str) -> str:
    """Return the sentence that helps with a misspelt strategy id."""
    import difflib

    near = difflib.get_close_matches(identifier, STRATEGY_IDS, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}The strategies are {', '.join(STRATEGY_IDS)}."
