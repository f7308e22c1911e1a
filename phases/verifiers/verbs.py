"""The verifier of complete sentences: whether every English sentence has a verb that is not an -ing form.

A program without a parser cannot tell "a walk" from "they walk". A word that may be a verb counts as one
unless an article, a preposition or the like precedes it, so that only clear fragments are rejected
("A bridge over the river").
"""

import itertools
import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from phases.verifiers.kinds import list_kind
from phases.verifiers.stems import fold_text
from phases.verifiers.text import split_sentences

_VERBS: Final = """
    abandon abound accept accompany ache act adapt add adjust admire admit adore advise affect afford
    age agree aid aim allow amaze amuse announce annoy answer appeal appear applaud apply appreciate
    approach argue arise arrange arrive ask assemble attach attack attempt attend attract avoid await
    bake balance bark bathe beam beat beckon become beg begin behave believe belong bend benefit bet
    bite blanket blaze bleed bless blink block bloom blossom blow blush boast bob boil boom borrow
    bother bounce bow brag brave bray break breathe breed brew brighten bring brush bubble build burn
    burrow burst bustle buy buzz calculate call calm camouflage can cancel capture care carry carve
    cascade cast catch cause celebrate challenge change charge charm chase chat check cheer cherish chew
    chill chirp chomp choose chop circle claim clap clatter clean clear climb cling close cluck clutch
    coax collapse collect collide comb combine come comfort compare compete complain complete compose
    concern confirm confuse congratulate connect conquer consider consist contact contain continue
    control convert convince cook cool copy cost count cover crack crackle crash crave crawl create
    creep croak cross crouch crow crowd crumble cry cuddle cure curl cut damage dance dare dart dash
    dawn deal decide declare decorate decrease deepen defend define delay delight deliver demand depart
    depend describe deserve destroy determine develop devour die dig dim dine dip disappear discover
    discuss dislike dispel display dissolve dive divide do dodge doze drag drain draw dream drench dress
    drift drink drip drive drizzle drop drown drum dry dwell earn ease eat echo elevate eliminate embark
    embarrass embody embrace emerge emit empower empty enable enchant encourage end endure engulf
    enhance enjoy enrich ensure enter entertain envelop erode erupt escape etch evoke examine excel
    excite exercise exhale exist exit expand expect experience explain explode explore expose express
    extend face fade fail fall fascinate fasten fear feast feature feed feel fetch fight fill find
    finish fit fix flank flap flare flash flee flicker fling float flock flood flourish flow flower
    fluff flutter fly foam focus fold follow forage forbid foresee forget forgive form foster freeze
    frighten frolic fry fuel function fuse gain gallop gather gaze get giggle give glance gleam glide
    glimmer glint glisten glitter glorify glow gnaw go gobble gossip grab grace grant grasp graze greet
    grill grin grind grip groan grow growl grunt guarantee guard guess guide gulp gush hail halt hand
    handle hang happen harvest hatch hate haul haunt have heal hear heat heave help hesitate hibernate
    hide hike hinder hiss hit hoist hold honk honor honour hop hope hover howl huddle hug hum hunt hurry
    hurt identify ignite ignore illuminate illustrate imagine immerse imply impress improve include
    increase indicate inform inhabit inhale injure insist inspire install insulate intend interest
    introduce invade invent invest invite involve iron jingle jog join joke judge juggle jump keep kick
    kill kindle kiss knead knit knock know label lack lament land lap last lather laugh launch lay lead
    lean leap learn leave lend lessen let lick lie lift light like line linger link list listen live
    load locate lock long look loom loosen lose love lower lull lure lurk maintain make manage march
    mark marvel mask match matter mature may mean measure meet melt mention meow merge mesmerise
    mesmerize might migrate mimic mind mirror miss mistake mix moo mourn move mow muffle multiply mumble
    munch murmur must nag name nap near need nestle nibble nip nod note notice nourish nudge nurse
    nurture nuzzle obey object observe occur offend offer ooze open operate order organise organize
    ought outrun outsmart outweigh overcome overflow overhear overlook overwhelm owe own pace pack paint
    pant part pass pat patter pause pave pay peck peek peel peep peer pelt perceive perch perform permit
    persist phone pick pierce pile pinch place plan plant play plead please plough plow plummet plunge
    point polish pollinate ponder pop possess pounce pour practice practise praise prance pray prefer
    prepare present press pretend prevent prick produce promise prompt protect prove provide prowl pull
    pulse pump purr pursue push put quack quarrel quench question race radiate rage rain raise rally
    rattle reach read realise realize recall receive recharge recite recognise recognize recommend
    record recover reduce refer reflect refresh refuse reign rejoice relax release relieve relish rely
    remain remember remind remove render repair repeat repel replace reply reproduce request require
    rescue resemble resist resound rest restore resume retain retire retreat return reunite reveal
    revive revolve reward ride ring rinse ripen ripple rise rival roam roar roast rob rock roll romp
    roost rot rub ruin rule rumble run rush rustle sag sail satisfy save savor savour say scamper scare
    scatter scent scold scoop scorch scour scramble scrape scratch scream scrub scurry seal search see
    seek seem seep select sell send separate serenade serve set settle sew shade shake shall share
    shatter shave shed shelter shield shift shimmer shine shiver shop shout show shower shriek shrink
    shroud shuffle shut sigh sign signal simmer sing sink sip sit sizzle skate ski skim skip slam slap
    sleep slice slide sling slink slip slither slow slumber slurp smash smell smile smoke smother snap
    snare snarl sneak sneer sneeze snicker sniff sniffle snooze snore snow snuggle soak soar sob soften
    soothe sound span spare spark sparkle speak speculate speed spell spend spill spin spit splash
    splatter splinter split spoil spot sprawl spray spread spring sprinkle sprint sprout squawk squeak
    squeal squeeze squirm squirt stack stain stalk stamp stand stare start startle stay steal steam
    steep step stick sting stir stomp stop storm stow straighten stray stream stretch stride strike
    strive stroke stroll struggle strum strut study stumble submit subside succeed suffer suggest suit
    supervise supply support suppose surge surprise surround survive swallow swarm sway swear sweep
    sweeten swell swim swing swipe swirl swish switch swivel swoop symbolise symbolize take talk tame
    tangle tango tap taste teach tear tease tell tempt tend test thank thaw think thrive throw thunder
    tickle tie tighten tiptoe tire toast toss touch tour tower trace track trade train transform
    translate transport trap travel tread treasure treat tremble trick trickle trigger trim trot trudge
    trumpet trust try tuck tug tumble turn twinkle twirl twist type undergo understand undo unfold
    unfurl unite unleash unlock unpack unravel unwind uphold uproot urge use usher vanish vary veil
    venture vibrate view visit volunteer vote vow waddle wade wag wail wait wake walk wander wane want
    warm warn wash watch water wave waver wear weather weave weep weigh welcome whimper whine whinny
    whip whirl whirr whisk whisper whistle wiggle will wilt win wind wink wipe wish wither witness
    wobble wonder work worry worship wrap wreck wriggle wring write yawn yearn yell yelp yield yodel zip
    zoom
"""
_IRREGULAR: Final = """
    is are was were am be been isn't aren't wasn't weren't has had hasn't haven't hadn't does did
    doesn't don't didn't can't cannot could couldn't won't would wouldn't should shouldn't mustn't
    mightn't i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's it'll
    it'd we're we've we'll we'd they're they've they'll they'd that's there's there'll what's who's
    where's here's how's let's nothing's everyone's y'all arose ate awoke beat became began bent bit
    bled blew bore bought bound bred broke brought built burnt came caught chose clung cost crept cut
    dealt drank dreamt drew drove dug fed fell felt fled flew flung forbade forgave forgot fought found
    froze gave goes got grew ground heard held hid hit hung hurt kept knelt knew laid lay leant leapt
    learnt led left lent let lit lost made meant met mistook overcame paid put quit ran rang read rode
    rose said sang sank sat saw sent set sewed shone shook shot shrank shut slept slid smelt sold sought
    spat sped spent spilt spoke sprang spread sprung spun stank stole stood strode struck stuck stung
    sung sunk swam swelled swept swore swung taught thought threw told took tore understood understand
    understands become becomes went wept withdrew woke won wore wound wove wrote
"""
_NO_VERB_AFTER: Final = frozenset(
    (
        *("a", "an", "the", "my", "your", "his", "its", "our", "their", "this", "these", "those"),
        *(
            "of",
            "in",
            "on",
            "with",
            "for",
            "by",
            "from",
            "at",
            "into",
            "over",
            "under",
            "no",
            "some",
            "any",
            "every",
        ),
        *(
            "each",
            "two",
            "three",
            "several",
            "many",
            "few",
            "through",
            "across",
            "between",
            "beneath",
            "without",
        ),
    )
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def has_verbs(response: str) -> bool:
    """Return whether every sentence of an English text has a verb other than an -ing form."""
    sentences = split_sentences(response)
    return bool(sentences) and all(map(_has_verb, sentences))


def _has_verb(sentence: str) -> bool:
    words = _WORD.findall(fold_text(sentence))
    return any(
        word in _list_certain_forms() or (may_be_verb(word) and before not in _NO_VERB_AFTER)
        for before, word in pairwise(["", *words])
    )


def may_be_verb(word: str) -> bool:
    """Return whether a word may be a verb in the present or the past."""
    return word in _list_forms() or word.endswith("ed")


@lru_cache(maxsize=1)
def _list_certain_forms() -> frozenset[str]:
    return frozenset(_IRREGULAR.split()) - {
        "lay",
        "lit",
        "saw",
        "ground",
        "found",
        "left",
        "wound",
        "read",
        "cut",
    }


@lru_cache(maxsize=1)
def _list_forms() -> frozenset[str]:
    """Return the verbs in the forms of the present and the past."""
    forms = set(_IRREGULAR.split())
    for verb in itertools.chain(_VERBS.split(), (verb for [verb] in list_kind("verbs"))):
        ends_in_y = verb.endswith("y") and verb[-2] not in "aeiou"
        forms |= {verb, f"{verb[:-1]}ies" if ends_in_y else f"{verb}s", f"{verb}es"}
    return frozenset(forms)
