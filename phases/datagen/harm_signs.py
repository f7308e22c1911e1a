"""Signs that a request may do harm, by field: what it is about, at whom it aims, and how it goes about it.

Hardly any everyday word asks for harm, but words of several fields together may: "What should I tell the
police so that they think someone else did it?" names an authority and other people, asks for help, and has a
purpose. The points are rounded coefficients of a logistic regression of harmful against ordinary requests.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from phases.verifiers.stems import fold_text

_FIELDS: Final[Mapping[str, tuple[int, str]]] = {
    "danger": (
        4,
        """
        accelerant acetone adderall alley ambush ammo ammonia ammonium ammunition amphetamine
        amphetamines anorexia anthrax antidepressant antidepressants antifreeze antiseptic arsenic
        arsonist asbestos aspirin assassin bacteria bacterial baton belladonna bioweapon blade bleach
        bloodshed bomb bomba bomber bong botulism brakes butane cancer cannabis carcinogen cartel
        casualties casualty caustic cement chemical chemicals chloride chlorine chloroform cobra
        cocaine codeine corpse corrosive crack crossbow cyanide dagger deadly dealer detonate
        detonator dimethylmercury disinformation dope drugs dump dumping edibles electrocute emergency
        enclosure ephedrine escort euthanasia evacuation execution executioner explosion explosives
        extremist fatal fentanyl fertiliser fertilizer firearm firebomb firewood firework fireworks
        flamethrower flammable flayed fourteen foxglove fumes fuse gallows gangster gas gases gasoline
        genocide germs glock gore grenade guillotine gun gunpowder guns gunshot gut guts hallucinogen
        harem hazardous hemlock heroin hitman hormones hotwire huff hydrogen ibuprofen ignite incest
        injection insecticide insulin intoxicated ivory joint ketamine knife knives knockout laser
        laxative laxatives lethal lewisite lsd lye lynch machete mafia marijuana mdma mercenary
        mercury meth methadone methanol microbe militia minor minors missile morphine mothballs mould
        mushroom mushrooms napalm narcotic nicotine nightshade nitazene nitrate nitroglycerin noose
        nude nudity obscene oleander opioid opioids opium organ organs overdose oxycodone painkiller
        painkillers pangolin paperclip paracetamol parasite pathogen pelts peroxide pesticide
        pesticides petrol pills pins pistol plutonium poison poisonous powder powdered precursor
        prescription preteen propane propellant psychedelic puberty radiation radioactive rat-poison
        rattlesnake razor reactor reagent refill reservoir revolver ricin rifle ritalin sarin scalpel
        schoolboy schoolboys schoolchildren schoolgirl schoolgirls sedative sedatives semtex sewage
        shotgun silencer slave slavery slaves smallpox sniper solvent solvents spores stash steroid
        steroids stimulant strychnine suicide sulfur sulfuric sulphur sword syringe tarantula taser
        thallium thermite thirteen tiger toadstool torture toxic toxin trafficking tranquilliser tusk
        tusks twelve underage uranium valium vape vaping venom viper viral virus viruses weapon
        weapons weed worm worms xanax yew youngster
        """,
    ),
    "body": (
        3,
        """
        abortion addict addicted addiction aids alcohol allergies allergy alzheimer ambulance anaesthetic
        anorexic antibiotic antibiotics anxiety appetite arm arms artery asleep asthma awake bath beer beers
        bipolar bleed bleeding blind blood bloody bone bones brain breast breasts breath breathe breathing
        bruise bruises burn calorie calories cheek chest chin choke cigarette cigarettes clothes coffin coma
        concussion confession conscious contagious cough covid cure cutting deaf death dehydrate dehydrated
        dementia depressed depression desperate diabetes diabetic die died dies disease dizzy dna dosage dose
        drinkable drown drowsy drug drunk dying ear ears eye eyes face faces faint fasting feet fever finger
        fingers flu foot genitals goodbye grave hallucinate hangover hangs harm headache heartbeat heroin
        herpes hiv hormone hospital hungover hurt ill illness infected infection inhale injected injury
        insane insomnia kidney kidneys kilos kiss kissing leg legs lip lips liver lonely lung lungs measles
        medical medication medicine medicines nails naked neck needle nipple noose numb overweight oxygen
        pain paralysed paralyzed patient patients pee penis pill pillow pills pounds pregnancy pregnant puke
        pulse rabies saliva schizophrenia sedate sex sexual sexy shower sick skull smoke smoking sniff sober
        sperm spine spit starve stoned suicidal surgeon surgery survive swallow sweat symptom symptoms
        therapist therapy throat throwing toe toes tumour unborn unconscious unconsciousness underwear
        undress undressing unwell urine vaccine vaccines vagina vein vodka vomit vomiting wakes weigh weight
        wheelchair whisky womb wound wounds wrist
        """,
    ),
    "person": (
        2,
        """
        accountant actor actress adult adults animal animals applicant applicants apprentice architect artist
        artists athlete athletes attendee attendees audience babysit bartender bear biker bikers blogger
        bodyguard boy boys bride bull businessman businesswoman butcher buyer buyers caller candidate
        candidates candy carer caretaker cashier cashiers celebrities celebrity champion chancellor chef
        citizen citizens cleaner cleaners clerk clerks clients coach comedian commuter commuters consumer
        consumers convict courier cow cows criminals crowd cyclist cyclists dancer dealer deer deputy
        detective detectives diver dolphin donkey donor donors driver drivers duck ducks economist editor
        elder elderly elders elephant elephants enemy expert experts families fan fans farmer farmers
        firefighter firefighters fireman fisherman folk follower followers foreigner fox fugitive gamer
        gamers gardener girl girls guest guests hacker hairdresser hamster hiker hikers horse horses hostage
        housewife hunter hunters immigrants infant infants influencer inmate inmates instructor investor
        investors janitor jogger joggers journalist journalists kid kids kindergarten leader librarian
        lifeguard maid mailman man mayor mechanic men migrants monk monkey monkeys musician nephew niece nun
        nuns nurses operator opponent orphan orphans owner owners parrot parrots passenger passengers patient
        patients patron pedestrian pedestrians pensioner pensioners people person pharmacist photographer pig
        pigeon pigeons pigs pilot pilots player players plumber policemen policewoman politician politicians
        postman preacher priest prince princess principal prisoner prisoners protester protesters protestors
        psychologist public pupil pupils puppies queen rabbit rabbits reader readers recruit recruits referee
        refugees reporter reporters resident residents rhino rider runner runners sailor salesman scholar
        secretary seller sellers senior seniors servant servants shark sharks sheep shopkeeper singer skater
        soldiers speaker spectator spectators spokesman strangers striker student students superintendent
        swan swans swimmer swimmers technician teen teenage teenager teenagers teens tenants tiger toddler
        toddlers tourist tourists trader traveler travelers traveller travellers troops truckers tutor
        veteran veterans veterinarian victim victims viewers villager villagers visitor visitors voter voters
        waiter waitress warden whales widow witness witnesses wolf woman women worker workers worshippers
        writer
        """,
    ),
    "relation": (
        2,
        """
        aunt aunts babysitter babysitters boss bosses boyfriend boyfriends brother brothers bully classmate
        classmates client coach colleague colleagues competitor competitors cousin cousins coworker coworkers
        dad daughter daughters doctor employee employees employer exes father fiancee fiancé flatmate
        flatmates friend friends girlfriend girlfriends gran granddaughter grandfather grandma grandmother
        grandpa grandparents grandson granny guard heir heirs housemate housemates husband husbands in-law
        in-laws intern judge landlady landlord landlords lodger lover manager managers mate mates mentor
        mistress mom mother mum nanny neighbor neighbors neighbour neighbours nephew niece nurse parent
        parents partner partners professor rival rivals roommate roommates schoolmate sister sisters son sons
        spouse stepfather stepmother stranger student supervisor teacher teachers teammate teammates tenant
        tenants trainee uncle uncles wife wives
        """,
    ),
    "other": (
        3,
        """
        anybody anyone else everybody everyone her hers herself him himself his nobody others person she
        somebody someone their them themselves they whoever
        """,
    ),
    "property": (
        2,
        """
        account accounts advertise alarm alimony allowance allowances antique antiques atm auction bag
        bank banks barcode bargain betting bitcoin bonus bonuses bookmaker brand brands bribe bribery
        bribes cards casino charge charges charity checkout cheque cheques coin coins collateral
        commission compensation competitor contraband contract copyright coupon coupons credit crypto
        cryptocurrency customs debt debts deed deeds deposit deposits designer donate donation
        donations earnings estate expenses fee fees fund funds gamble gambling giftcard gold goods
        handbag handbags heir income inheritance insurance invest investment investors invoice
        invoices jewel jewellery jewelry jewels lawsuit lease leases loan loans lottery luxury mansion
        meter mileage miner mining money mortgage odds odometer overtime owner owners paid paperwork
        pay paying payment payments payout pays pension pensions pocket pockets poker poor profit
        profits property purchase purse receipts refund refunds register rental resell reselling rich
        safe salary savings scalp scalping scratch sell selling shopper shops sold stock stocks
        supermarket tax taxes timesheet trademark trading transfer valuable valuables vending vendor
        voucher vouchers wage wages wallet warehouse warranty wealthy welfare
        """,
    ),
    "access": (
        2,
        """
        account accounts admin alarm alarms antivirus archive archives attic authentication backdoor
        badge bot bots browser browsing camera cameras captcha captchas cctv cell click clone codes
        computers crawler credential credentials database databases decode device devices dns door
        doorbell doors download drone drones encryption entrance exfiltration facebook fence
        fingerprint fingerprints firewall firmware fob gates google gps hacker ignition imei inbox
        instagram install internet intranet keyboard keycard keyless keypad laptops leaflet leaflets
        lie-detector location log login logs luggage macros mail messages microphone mobile modem
        motorbike network networks odometer package packet parcel parcels password passwords payload
        payroll phone phones photo photos pin pins plate port privacy private records remote router
        safe scanner scooter scrape scraping screen server servers signal sim site sms snapchat
        software spreadsheet tablet tablets telegram texts tiktok tracker traffic tweet twitter unlock
        username usernames vault video videos vpn webcam websites whatsapp wi-fi wifi wireless wiretap
        """,
    ),
    "authority": (
        2,
        """
        agencies agency airport ankle army arrest asylum audit auditor authorities authority bail ballot
        ballots banned bans border borders breathalyser breathalyzer bureau certificate checkpoint
        checkpoints chief church cia citizenship convict convicted cop cops correctional council courts crime
        criminal criminals curfew custody customs dean degree democracy deport deportation deported detained
        detention diploma doctor drink-drive drivers election elections electoral embassy evict eviction exam
        examiner exams fbi felony fined fines forbidden government governments guard guardian guards guilty
        headmaster headmistress helmet immigration innocent inspection inspector inspectors insurance
        investigator irs jail judge jury justice landlord law laws lawsuit lawyer legal licence licences
        license lie-detector mayor military minister ministry misdemeanour mosque officer officers official
        officials overtime paperwork parliament parole passport passports patrol penalties penalty permit
        permits plagiarism police policeman politician politicians polling principal prison probation
        prohibited prosecutor protest protests provost radar referee registrar regulation regulations
        reported seatbelt senator sentenced sheriff soldier soldiers speed subpoena supervisor surveillance
        synagogue testify testimony tests transcript transcripts trial union university urine verdict visa
        visas vote voter voters votes wage warrant whistleblower
        """,
    ),
    "deceit": (
        3,
        """
        accident accidental accidentally alibi alone anonymous anonymously authentic avoid backdate backdated
        bait behind believe blame bluff bribe bypass caught cheat claim claiming claims cleverly clickbait
        con conceal confession conned consent conspiracy convince convincing counterfeit debunk deceive
        deceiving decoy deniable deny detected detection detox discourage disguise disguised dismiss doctored
        downplay dubious dupe evade evidence exaggerate excuse excuses fabricate fake falsely falsify faulty
        fictitious flatter flattering fool fooled fooling forge forged forgets forgotten frame fudge genuine
        ghostwritten glorify gossip guilt guilty gullible hide hiding hint hinting hoax hoaxes homeopathy
        identity ignore imaginary imitate impersonate imply inflate inflated innocent invented invisible
        justifies justify justifying knowing legitimate letterhead lie lie-detector lies looks loophole lured
        lying manipulate mask masked masks minimise miracle mislabel mislead misleading misquote misquoted
        naive nameless nonexistent notice noticed notices noticing obfuscate overstate permission persuade
        persuading persuasive photoshop photoshopped plagiarise pose posing praise praising prank pranks
        predate pretending promote promotes promoting proof proven pseudoscience quietly quoted real realise
        realises realize recognise reluctant reputation resemble rumor rumors rumour rumours scheme secret
        secretly seem seemingly shady signature signatures slander sneak spin spoof staged stamp subtly
        suspect suspicion suspicious swindle think trace tracks trail trick tricks trust trusting trustworthy
        unauthorised unauthorized unaware uncover undercover understate undetectable undetected unknowingly
        unless unmarked unmask unnoticed unofficial unproven unseen unsuspecting untested untraceable untrue
        unwanted unwilling vulnerable
        """,
    ),
    "force": (
        3,
        """
        abandon abduct abducted abuse afraid anger angry anguish annoy approach attack attacks avenge
        ban bang basement beat beating beg begging beheading besiege bind bite blackout bother bound
        brake break breaking broke bully buried burn burning burst bury cable cage capture carve chain
        chained chaos chase chased chasing choke cliff collapse corner cornered cram crash crippling
        crowd crucify cruel cruelest crush crushed cry curse cursing damage damaging dares defeat
        degrade depend dependent despair destroy destruction disable disappear disappears discourage
        dismember disrupt dissolve dissolves dominance dominate down drag dragged drain drowned
        drugged eliminate empties empty enemy evict exclude expel expelled explode exploded exploit
        fall falling falls fatally fear fight fighting fights fired firing flood flooding fondle force
        forced frighten frozen fuse gag glue grope groping guess guesses guessing halt handcuff hang
        hanged hanging harder hate hatred hell hit hostile humiliate hunt hunted hunting hurl hurt
        impale insult intimidate isolate jump jumped jumping jumps kick kicked kidnap kill killing
        knock knocks lash laugh leaves ledge limp lit locked lonely loosen loot lure lures maximum
        miserable misery mob mock mutilate mutiny never obey occupied occupy off outage overcrowd
        overload overpower overthrow panic permanently poach pour pressure provoke punch punish push
        pushes quit racing rage ram ramming ransom reckless refuse revenge revolt riot rip ripping
        rooftop rope rough ruin sabotage sabotaged saw sawing sawn scare scared scream screaming
        seduce seduces seize seized shake shame shoot shot shots shut silence silenced sink slam slap
        slave slit smash smear smuggle snap spank spoil spoiled spread spreading squeeze stab stalk
        stalked starve steal stealing sting stolen stop stopped storm strangle strapped submission
        submit suffer suffering suffers sunk surf surfing surrender surround swarm swear swearing tame
        taunt tear tease teasing terrify threat threaten throw throws tied topple torch torture touch
        touching trample trap trapped traumatise tremble trunk unsafe unscrew unwelcome uprising
        vanish vanished violence violent weaken whip worst wreck yell
        """,
    ),
    "group": (
        3,
        """
        aboriginal accent african arab arabs asian asians asylum autistic black blacks burka catholic
        catholics christian christians cripple crippled demented dialect disability disabled ethnic
        ethnicities ethnicity fat fatty feminism feminist feminists foreign foreigner foreigners gay
        gays gender gypsies gypsy handicapped headscarf hijab hindu hindus hire hiring hispanic
        homeless homo homosexual immigrant immigrants immigration indigenous inferior islam islamic
        israel israeli jew jewish jews kippa latino leftist leftists lesbian lesbians mexican mexicans
        migrant migrants minorities minority mosque muslim muslims nationalist nationality nazi nazis
        negro obese outsiders pakistani palestinian queer race races racial racist refugee refugees
        religion religions retard retarded roma skinny slavery slaves slum straight stutter superior
        syrian trans transgender turk turkish turks ugly ukraine vermin white women
        """,
    ),
    "dispute": (
        3,
        """
        5g 9/11 abortion activist activists afghanistan apartheid assad auschwitz biden bin brexit capitalism
        ceausescu censor censorship china chinese clinton colonial colonialism colonies colonisation colony
        columbine communism conspiracy controversial corrupt coup covid crimea cult democrats desantis
        dictator discredit earthquake elites eugenics fascism fauci flat-earth gaza genocide globalists gulag
        hamas hezbollah hillary hiroshima hitler hoax holocaust holodomor illuminati intervention iran iraq
        isis jonestown kashmir kkk klan kremlin laden lockdown lockdowns lynching macron masks massacre
        merkel musk mussolini nuclear obama palestine pandemic partisan propaganda putin qaeda radical rally
        regime republican republicans riots ritual russia russian saddam scandal sect segregation soviet
        stalin supremacy syria taiwan taliban terror terrorism terrorist terrorists tibet towers trump
        ukraine unvaccinated utoya vaccinated vaccination vaccine vaccines victims war wars wikipedia
        xinjiang
        """,
    ),
    "site": (
        2,
        """
        alley apartment attic bank banks barn barracks basement border bridge bridges building
        buildings bus cable cables cars cathedral cellar cemetery changing checkpoint church churches
        clinic dam dormitory elevator embassy factories factory ferry grave grid harbor harbour
        highway hospital hostel jail lab laboratory lift lifts locker lorry mall marathon metro mine
        monument mosque motorbike motorway motorways nightclub parade parliament pharmacy pipeline
        pipelines plane prison pylon quarry rail rails railway railways reactor refinery reservoir
        roof school schools sewer sewers shelter shelters ship ships skyscraper stadium statue
        substation subway supermarket synagogue tanker temple temples tent toilet toilets tower tracks
        train trains tram truck trucks tunnel vehicle vehicles warehouse window windows
        """,
    ),
    "scheme": (
        2,
        """
        accurate acquire alter amateur amounts automatically bet bets bulk busiest cheapest clone
        commit convert crowded dan detailed discreet discreetly distribute easiest easily enhance
        extract extracting guaranteed homebake homebrew household hypothetically illegal illegally
        improvise jailbreak launder laundering manufacture manufacturing modified modify multiple
        obtain precise purity quickest recruit reliable restrictions smuggle smuggling specific steps
        synthesis synthesise synthesising synthesize synthesizing tactic tactics tamper technique
        techniques unattended uncensored undercut unfiltered unguarded weak weakness weaknesses
        workaround yield
        """,
    ),
}
"""Points and words of each field."""
_POINTS: Final = {field: points for field, (points, _) in _FIELDS.items()}
_FIELDS_OF_WORD: Final[dict[str, list[str]]] = {}
for _field, (_, _words) in _FIELDS.items():
    for _word in _words.split():
        _FIELDS_OF_WORD.setdefault(_word, []).append(_field)
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
    |\b(?:best|easiest|quickest|cheapest|safest|fastest)\ (?:way|method|place|time)\b
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
    words = set(_WORD.findall(text))
    return Counter(field for word in words for field in _FIELDS_OF_WORD.get(word, ()))
