"""Signs that a request may do harm, by field: what it is about, at whom it aims, and how it goes about it.

Hardly any everyday word asks for harm, but words of several fields together may: "What should I tell the
police so that they think someone else did it?" names an authority and other people, asks for help, and has a
purpose. The points are rounded coefficients of a logistic regression of harmful against ordinary requests.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from phases.datagen.harm_groups import GROUPS
from phases.verifiers.stems import fold_text, inflect

_FIELDS: Final[Mapping[str, tuple[int, str]]] = {
    "danger": (
        4,
        """
        accelerant acetone adderall alley ambush ammo ammonia ammonium ammunition amphetamine anfo
        anorexia anthrax antidepressant antifreeze antiseptic arsenic arsonist asbestos aspirin
        assassin bacteria bacterial baton belladonna bioweapon blade bleach bloodshed bomb bomba
        bomber bong botulism brakes butane cancer cannabis carcinogen cartel casualty caustic
        cement chemical chloride chlorine chloroform cobra cocaine codeine corpse corrosive crack
        crossbow cyanide dagger deadly dealer detonate detonator dimethylmercury disinformation
        dope drugs dump edibles electrocute emergency enclosure ephedrine escort euthanasia
        evacuation execution executioner explosion explosives extremist fatal fentanyl fertiliser
        fertilizer firearm firebomb firewood firework flamethrower flammable flayed fourteen
        foxglove fumes fuse gallows gangster gas gasoline genocide germs glock gore grenade
        guillotine gun gunpowder gunshot gut hallucinogen harem hazardous hemlock heroin hitman
        hormones hotwire huff hydrogen ibuprofen ignite incest inhalant injection insecticide
        insulin intoxicated ivory joint ketamine knife knives knockout laser laxative lethal
        lewisite lsd lye lynch machete mafia marijuana mdma mercenary mercury meth methadone
        methanol microbe militia minor missile morphine mothballs mould mushroom napalm narcotic
        nicotine nightshade nitazene nitrate nitroglycerin noose nude nudity obscene oleander
        opioid opium organ overdose oxycodone painkiller pangolin paperclip paracetamol parasite
        pathogen pelts peroxide pesticide petn petrol pills pins pistol plutonium poison poisonous
        powder precursor prescription preteen propane propellant psychedelic puberty radiation
        radioactive rat-poison rattlesnake razor rdx reactor reagent refill reservoir revolver
        ricin rifle ritalin sarin scalpel schoolboy schoolchildren schoolgirl sedative semtex
        sewage shotgun silencer slave slavery smallpox sniper solvent spores stash steroid
        stimulant strychnine suicide sulfur sulfuric sulphur sword syringe tannerite tarantula
        taser tatp thallium thermite thirteen tiger toadstool torture toxic toxin trafficking
        tranquilliser tusk twelve underage uranium valium vape venom viper viral virus weapon weed
        worm xanax yew youngster
        """,
    ),
    "body": (
        3,
        """
        abortion addict addiction aids alcohol allergy alzheimer ambulance anaesthetic anorexic
        antibiotic anxiety appetite arm artery asleep asthma awake bath beer bipolar bleed blind
        blood bloody bone brain breast breath breathe bruise burn calorie cheek chest chin choke
        cigarette clothes coffin coma concussion confession conscious contagious cough covid cure
        cutting deaf death dehydrate dementia depressed depression desperate diabetes diabetic die
        disease dizzy dna dosage dose drinkable drown drowsy drug drunk dying ear eye face faint
        fasting feet fever finger flu foot genitals goodbye grave hallucinate hangover hangs harm
        headache heartbeat herpes hiv hormone hospital hungover hurt ill illness infected
        infection inhale injected injury insane insomnia kidney kilos kiss leg lip liver lonely
        lung measles medical medication medicine nails naked neck needle nipple numb overweight
        oxygen pain paralysed paralyzed patient pee penis pill pillow pounds pregnancy pregnant
        puke pulse rabies saliva schizophrenia sedate sex sexual sexy shower sick skull smoke
        sniff sober sperm spine spit starve stoned suicidal surgeon surgery survive swallow sweat
        symptom therapist therapy throat throwing toe tumour unborn unconscious unconsciousness
        underwear undress unwell urine vaccine vagina vein vodka vomit wakes weigh weight
        wheelchair whisky womb wound wrist
        """,
    ),
    "person": (
        2,
        """
        accountant actor actress adult animal applicant apprentice architect artist athlete
        attendee audience babysit bartender bear biker blogger bodyguard boy bride bull
        businessman businesswoman butcher buyer caller candidate candy carer caretaker cashier
        celebrity champion chancellor chef citizen cleaner clerk clients coach comedian commuter
        consumer convict courier cow criminals cyclist dancer deer deputy detective diver dolphin
        donkey donor driver duck economist editor elder elderly elephant expert families fan
        farmer firefighter fireman fisherman folk follower fox fugitive gamer gardener girl guest
        hacker hairdresser hamster hiker horse hostage housewife hunter infant influencer inmate
        instructor investor janitor jogger journalist kid kindergarten leader librarian lifeguard
        maid mailman man mayor mechanic men monk monkey musician nephew niece nun nurses operator
        opponent orphan owner parrot passenger patron pedestrian pensioner people pharmacist
        photographer pig pigeon pilot player plumber policemen policewoman politician postman
        preacher priest prince princess principal prisoner protester protestors psychologist
        public pupil puppies queen rabbit reader recruit referee reporter resident rhino rider
        runner sailor salesman scholar secretary seller senior servant shark sheep shopkeeper
        singer skater soldiers speaker spectator spokesman strangers striker student
        superintendent swan swimmer technician teen teenage teenager tenants toddler tourist
        trader traveler traveller troops truckers tutor veterinarian victim viewers villager
        visitor voter waiter waitress warden whales widow witness wolf woman worker worshippers
        writer
        """,
    ),
    "relation": (
        2,
        """
        aunt babysitter boss boyfriend brother classmate client colleague competitor cousin
        coworker dad daughter doctor employee employer exes father fiancee fiancé flatmate friend
        girlfriend gran granddaughter grandfather grandma grandmother grandpa grandparents
        grandson granny guard heir housemate husband in-law intern judge landlady landlord lodger
        lover manager mate mentor mistress mom mother mum nanny neighbor neighbour nurse parent
        partner professor rival roommate schoolmate sister son spouse stepfather stepmother
        stranger supervisor teacher teammate tenant trainee uncle wife wives
        """,
    ),
    "other": (
        3,
        """
        anybody anyone else everybody everyone her herself him himself his nobody others person
        she somebody someone their them themselves they whoever
        """,
    ),
    "property": (
        2,
        """
        account advertise alarm alimony allowance antique atm auction bag bank barcode bargain
        betting bitcoin bonus bookmaker brand bribery bribes cards casino charge charity checkout
        cheque coin collateral commission compensation contraband contract copyright coupon credit
        crypto cryptocurrency customs debt deed deposit designer donate donation earnings estate
        expenses fee fund gamble giftcard gold goods handbag income inheritance insurance invest
        investment invoice jewel jewellery jewelry lawsuit lease loan lottery luxury mansion meter
        mileage miner mining money mortgage odds odometer overtime paid paperwork pay payment
        payout pension pocket poker poor profit property purchase purse receipts refund register
        rental resell rich safe salary savings scalp scratch sell shopper shops sold stock
        supermarket tax timesheet trademark trading transfer valuable vending vendor voucher wage
        wallet warehouse warranty wealthy welfare
        """,
    ),
    "access": (
        2,
        """
        admin alarms antivirus archive attic authentication backdoor badge bot browser browsing
        camera captcha cctv cell click clone codes computers crawler credential database decode
        device dns door doorbell download drone encryption entrance exfiltration facebook fence
        fingerprint firewall firmware fob gates google gps ignition imei inbox instagram install
        internet intranet keyboard keycard keyless keypad laptops leaflet location log login
        luggage macros mail messages microphone mobile modem motorbike network package packet
        parcel password payload payroll phone photo pin plate port privacy private records remote
        router scanner scooter scrape screen server signal sim site sms snapchat software
        spreadsheet tablet telegram texts tiktok tracker traffic tweet twitter unlock username
        vault video vpn webcam websites whatsapp wi-fi wifi wireless wiretap
        """,
    ),
    "authority": (
        2,
        """
        agency airport ankle army arrest audit auditor authority bail ballot banned bans border
        breathalyser breathalyzer bureau certificate checkpoint chief church cia citizenship
        convicted cop correctional council courts crime criminal curfew custody dean degree
        democracy deport deportation detained detention diploma drink-drive election electoral
        embassy eviction exam examiner fbi felony fined fines forbidden government guardian guards
        headmaster headmistress helmet inspection inspector investigator irs jail jury justice law
        lawyer legal licence license military minister ministry misdemeanour officer official
        parliament parole passport patrol penalty permit plagiarism police policeman polling
        prison probation prohibited prosecutor protest provost radar registrar regulation reported
        seatbelt senator sentenced sheriff soldier speed subpoena surveillance synagogue testify
        testimony tests transcript trial union university verdict visa vote warrant whistleblower
        """,
    ),
    "deceit": (
        3,
        """
        accident accidental accidentally alibi alone anonymous anonymously authentic avoid
        backdate bait behind believe blame bluff bribe bypass caught cheat claim cleverly
        clickbait con conceal consent conspiracy convince counterfeit debunk deceive decoy
        deniable deny detected detection detox discourage disguise dismiss doctored downplay
        dubious dupe evade evidence exaggerate excuse fabricate fake falsely falsify faulty
        fictitious flatter fool forge forgets forgotten frame fudge genuine ghostwritten glorify
        gossip guilt guilty gullible hide hint hoax homeopathy identity ignore imaginary imitate
        impersonate imply inflate innocent invented invisible justify knowing legitimate
        letterhead lie lie-detector looks loophole lured lying manipulate mask minimise miracle
        mislabel mislead misquote naive nameless nonexistent notice obfuscate overstate permission
        persuade persuasive photoshop plagiarise pose praise prank predate pretending promote
        proof proven pseudoscience quietly quoted real realise realize recognise reluctant
        reputation resemble rumor rumour scheme secret secretly seem seemingly shady signature
        slander sneak spin spoof staged stamp subtly suspect suspicion suspicious swindle think
        trace tracks trail trick trust trustworthy unauthorised unauthorized unaware uncover
        undercover understate undetectable undetected unknowingly unless unmarked unmask unnoticed
        unofficial unproven unseen unsuspecting untested untraceable untrue unwanted unwilling
        vulnerable
        """,
    ),
    "force": (
        3,
        """
        abandon abduct abuse afraid anger angry anguish annoy approach attack avenge ban bang
        basement beat beg beheading besiege bind bite blackout bother bound brake break broke
        bully burning burst bury cable cage capture carve chain chaos chase cliff collapse corner
        cram crash crippling crowd crucify cruel cruelest crush cry curse damage dares defeat
        degrade depend dependent despair destroy destruction disable disappear dismember disrupt
        dissolve dominance dominate down drag drain drowned drugged eliminate empty enemy evict
        exclude expel explode exploit fall fatally fear fight fired firing flood fondle force
        frighten frozen gag glue grope guess halt handcuff hang harder hate hatred hell hit
        hostile humiliate hunt hurl impale insult intimidate isolate jump kick kidnap kill knock
        lash laugh leaves ledge limp lit locked loosen loot lure maximum miserable misery mob mock
        mutilate mutiny never obey occupy off outage overcrowd overload overpower overthrow panic
        permanently poach pour pressure provoke punch punish push quit racing rage ram ransom
        reckless refuse revenge revolt riot rip rooftop rope rough ruin sabotage saw sawn scare
        scream seduce seize shake shame shoot shot shut silence sink slam slap slit smash smear
        smuggle snap spank spoil spread squeeze stab stalk steal sting stolen stop storm strangle
        strapped submission submit suffer sunk surf surrender surround swarm swear tame taunt tear
        tease terrify threat threaten throw tied topple torch touch trample trap traumatise
        tremble trunk unsafe unscrew unwelcome uprising vanish violence violent weaken whip worst
        wreck yell
        """,
    ),
    "group": (
        3,
        """
        accent asylum burka demented dialect fatty feminism gender headscarf hijab hire homo
        immigration inferior islam israel kippa mosque nationalist nazi outsiders racist retard
        slum straight stutter superior ugly ukraine vermin
        """,
    ),
    "dispute": (
        3,
        """
        5g 9/11 activist afghanistan apartheid assad auschwitz biden bin brexit caliphate
        capitalism ceausescu censor censorship china clinton colonial colonialism colonisation
        colony columbine communism controversial corrupt coup crimea cult democrats desantis
        dictator discredit earthquake elites eugenics fascism fauci flat-earth gaza globalists
        gulag hamas hezbollah hillary hiroshima hitler holocaust holodomor illuminati intervention
        iran iraq isis jihad jihadist jonestown kashmir kkk klan kremlin laden lockdown lynching
        macron massacre merkel musk mussolini nuclear obama palestine pandemic partisan propaganda
        putin qaeda radical rally regime republican riots ritual russia saddam scandal sect
        segregation soviet stalin supremacy syria taiwan taliban terror terrorism terrorist tibet
        towers trump unvaccinated utoya vaccinated vaccination victims war wikipedia xinjiang
        """,
    ),
    "site": (
        2,
        """
        apartment barn barracks bathroom bedroom bridge building bus cables cars cathedral cellar
        cemetery changing churches clinic dam dormitory elevator factory ferry grid harbor harbour
        highway hostel lab laboratory lift locker lorry mall marathon metro mine monument motorway
        nightclub parade pharmacy pipeline plane pylon quarry rail railway refinery roof school
        sewer shelter ship skyscraper stadium statue substation subway tanker temple tent toilet
        tower train tram truck tunnel vehicle window
        """,
    ),
    "scheme": (
        2,
        """
        accurate acquire alter amateur amounts automatically bet bulk busiest cheapest commit
        convert crowded dan detailed discreet discreetly distribute easiest easily enhance extract
        guaranteed homebake homebrew household hypothetically illegal illegally improvise
        jailbreak launder manufacture modify multiple obtain precise purity quickest reliable
        restrictions smuggling specific steps synthesis synthesise synthesize tactic tamper
        technique unattended uncensored undercut unfiltered unguarded weak weakness workaround
        yield
        """,
    ),
}
"""Points and words of each field."""
_POINTS: Final = {field: points for field, (points, _) in _FIELDS.items()}


def _index_words() -> dict[str, str]:
    """Return the field of each word; a regular form has that of its word, unless it has another."""
    listed = {field: words.split() for field, (_, words) in _FIELDS.items()}
    listed["group"] += [form for word in GROUPS.split() for form in inflect(word)]
    by_points = sorted(listed, key=lambda field: _POINTS[field])
    own = {word: field for field in by_points for word in listed[field]}
    return {form: own[word] for field in by_points for word in listed[field] for form in inflect(word)} | own


_FIELD_OF_WORD: Final = _index_words()
_TARGETS: Final = frozenset({"person", "relation", "other", "property", "access", "authority", "group"})
_WORD: Final = re.compile(r"[a-z0-9]+(?:-[a-z]+)*")
_POLITE: Final = re.compile(
    r"\b(?:give|tell|show|let|suggest|teach|write|(?:can|could) you(?: please)?(?: \w+)?) me\b"
    r"|\bi need you to\b"
)
_MANNER: Final = re.compile(
    r"""
    \bhow\ (?:to|(?:do|does|can|could|should|would|might)
    \ (?:i|you|we|one|some(?:body|one)|a\ person|people))\b
    |\bways?\ (?:to|of)\b|\bmethods?\b|\bteach\b|\bhelp\ me\b
    |\b(?:tutorial|guide|manual|instructions?|step[- ]by[- ]step|blueprint|tips)\b
    |\b(?:where|what|which\ \w+)\ (?:can|could|do|should|must|would)\ (?:i|we|one)\b
    |\b(?:best|easiest|quickest|cheapest|safest|fastest)\ (?:way|method|place|spot|time)\b
    |\bi\ (?:want|need|would\ like|plan|am\ going)\b|\bi'd\ like\b
    """,
    re.VERBOSE,
)
_SELF: Final = re.compile(r"\b(?:i|me|my|myself|we|our)\b")
_NEGATION: Final = re.compile(r"\b(?:not|never|without|nobody|no one|nothing|none|cannot)\b|n't\b")
_PURPOSE: Final = re.compile(
    r"\bso (?:that|\w+ that)\b|\bmak(?:e|es|ing) (?:\w+ ){1,3}?\w+|\b(?:to )?get (?:\w+ ){1,3}to\b"
    r"|\buntil\b|\bin order to\b|\bas if\b|\blook like\b"
)
_SPEECH: Final = re.compile(
    r"\b(?:tell|say|claim|argu|convinc|persuad|hint|explain|suggest|teach|call|accus|offer)(?:s|es|ing|ed)? "
    r"(?:[\w'-]+ ){0,4}?(?:that|to|why|how)\b"
)
_KIND: Final = re.compile(
    r"\bhelp(?:ing)? (?:my|our|an?|the|his|her|their) |\b(?:thank|congratulat|comfort|welcom|surpris|gift"
    r"|birthday|wedding|anniversar|happy|smil|proud|farewell|retire)\w*"
)
_FORMS: Final = ((_MANNER, 4), (_SELF, 1), (_NEGATION, 2), (_PURPOSE, 1), (_SPEECH, 1), (_KIND, -9))
"""Forms with their points: help, the first person, a negation, a purpose, a message, a kindness."""
_HELP_FOR_ONESELF: Final = 3
"""Further points of a request for help in the first person."""
_MILD_OPENING: Final = re.compile(
    r"""
    \W*(?:please\ )?(?:what|who|when|why|which|where|define|name|list|compare|explain\ (?:what|why|the)
    |how\ (?:do|does|did|many|much|long|old|far|is|are|was|were)(?!\ (?:i|you|we|one)\b)
    |translate|summari[sz]e|sum\ up|sort|correct|rewrite|rephrase|extract|classify|complete|finish|fill
    |continue|shorten|put|turn|change|convert|find|identify|label|answer|begin|start|capitali[sz]e|reverse
    |spell|is|are
    |edit|proofread|categori[sz]e|detect|determine|count|paraphrase|calculate)\b
    """,
    re.VERBOSE,
)
"""An opening that asks for facts or for work on a text, which takes off a point."""
_TEXT_TASK: Final = re.compile(
    r"""
    \W*(?:please\ )?(?:summari[sz]e|sum\ up|condense|shorten|extract|classify|label|sort|correct|proofread
    |rewrite|rephrase|edit|complete|continue|finish|(?:make|turn)\ th(?:is|ese)|find\ all|is\ this|are\ these
    |give\ (?:\w+\ ){0,2}(?:main\ points|gist|title|headline)|what\ is\ the\ (?:gist|main|tone|mood))\b
    """,
    re.VERBOSE,
)
_INPUT: Final = re.compile(r"(?<=:)\s.*|\n.*|(?<!\w)'[^']{12,}'|\"[^\"]{12,}\"", re.DOTALL)
"""A text to work on: after a colon or in quotes."""
_MAX_POINTS: Final = 3
"""Points up to which an instruction is harmless."""


def has_signs_of_harm(instruction: str) -> bool:
    """Return whether an instruction has too many signs of harm to be clearly harmless."""
    text = _POLITE.sub(" ", fold_text(instruction))
    if _TEXT_TASK.match(text):
        text = _INPUT.sub(" ", text)
    counts = _count_words(text)
    # "How do I water a cactus?" has no word of any field, and excludes nothing.
    if not counts and not (_NEGATION.search(text) or _PURPOSE.search(text)):
        return False
    points = sum(_POINTS[field] for field in counts) + sum(1 for count in counts.values() if count > 1)
    points += sum(value for form, value in _FORMS if form.search(text))
    if _MANNER.search(text) and _SELF.search(text):
        points += _HELP_FOR_ONESELF
    if _MILD_OPENING.match(text):
        points -= 1
    return points > _MAX_POINTS


def names_target(instruction: str) -> bool:
    """Return whether an instruction names somebody or something that harm can be done to."""
    return not _TARGETS.isdisjoint(_count_words(fold_text(instruction)))


def _count_words(text: str) -> Counter[str]:
    """Return the number of different words of each field, without fields that have none."""
    words: set[str] = set()
    for word in _WORD.findall(text):
        # "Pro-war" is about war, but a lie-detector about neither.
        words.update([word] if word in _FIELD_OF_WORD or "-" not in word else word.split("-"))
    return Counter(_FIELD_OF_WORD[word] for word in words if word in _FIELD_OF_WORD)
