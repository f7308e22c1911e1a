"""Words and phrases of requests for harm, and innocent uses of the same words.

The lists are a coarse net: a word in them makes an instruction unclear at least, and unclear instructions are
dropped.
"""

import re
from collections.abc import Iterable
from typing import Final

from phases.datagen.harm_groups import GROUPS, PEOPLE
from phases.verifiers.stems import inflect


def compile_words(text: str) -> re.Pattern[str]:
    """Return a pattern for words separated by spaces; `*` matches any ending and `_` a space."""
    return re.compile(rf"\b{join_words(text)}\b", re.IGNORECASE)


def join_words(text: str) -> str:
    """Return the source of such a pattern as one group."""
    return f"(?:{_join_alternatives([_list_parts(entry) for entry in text.split()])})"


def _list_parts(entry: str) -> tuple[str, ...]:
    return tuple({"*": r"\w*", "_": r"[\s-]+"}.get(c) or re.escape(c) for c in entry)


def _join_alternatives(entries: Iterable[tuple[str, ...]]) -> str:
    """Return a pattern for any of the entries, with common beginnings only once: many times faster."""
    by_first: dict[str, list[tuple[str, ...]]] = {}
    is_optional = False
    for parts in entries:
        if parts:
            by_first.setdefault(parts[0], []).append(parts[1:])
        else:
            is_optional = True
    alternatives = [first + _join_alternatives(rests) for first, rests in sorted(by_first.items())]
    if len(alternatives) == 1 and not is_optional:
        return alternatives[0]
    return f"(?:{'|'.join(alternatives)}){'?' if is_optional else ''}" if alternatives else ""


HARM: Final = compile_words(
    """
    hide_the_body hide_a_body hide_his_body hiding_the_body poison_gas deadly_gas toxic_gas gas_attack
    steal_identit* identity_thie* crowded_area escape_from_prison escape_from_jail correctional
    eavesdrop* spies_on sniff_traffic skimm* backdoor* back_door_into biological_weapon* chemical_weapon*
    bioweapon* cannibal* dark_web darknet revenge_porn sexting body_sham* thinspo* purging reckless*
    text_while_driving texting_while_driving pollut* endangered_species trophy_hunt* insurance_fraud
    perjur* counterfeit deface* desecrat* doctored disguise dodge_taxes evade_tax* extermin*
    ethnic_cleansing fatal fetish* flee_the gore gory hostil* illegally instigat* invade_privacy
    loophole* martyr* mob_attack ransack* scapegoat* shooter* sniff* stalkerware swat_team swatting
    toxic_waste trespass* unethical* unprovoked vilif* warmonger* wiretap* ambush* anorexi* anthrax
    arson* assassin* assault* bash_his beat_him beat_her beat_up beating_up behead* blackmail*
    bleed_to_death bludgeon* bomb bombs bombing* bomber* brib* brothel* brutal* bulimi* bully* bullied bullies
    burgl* butcher* carjack* child_abuse child_labo* child_porn* cocaine cockfight* conceal_evidence
    counterfeit* crack_the_password* crack_password* crystal_meth cyberattack* cyber_attack* cyberbull*
    cyber_bull* cybercrim* cyberstalk* ddos deepfake* defam* defraud* denial_of_service derail* detonat*
    dirty_bomb* dogfight* domestic_violence dope doxx* doxing dox drown* drug_deal* drunk_driv*
    eating_disorder* embezzl* end_my_life end_his_life end_her_life enslav* espionage evad* exploit*
    explosive* extort* extremis* falsif* fake_* fentanyl firearm* forge forged forger* forging fraud*
    genocid* get_away_with getting_away_with ghost_gun* grenade* groom_a grooming_a gun_violence guns
    hack hacked hacker* hacking hacks harass* harm harmed harming harmful hate_speech hateful hatred
    heroin hijack* hit_and_run hitman holocaust homophob* hostage* human_organ* identity_theft illegal*
    illicit* impersonat* incit* inciting infect* infiltrat* insider_trad* insult* intercept* intimidat*
    intrud* inside_job jailbreak* keylog* kidnap* kill killed killer* killing kills kneecap* knock_out*
    launder* lie_about lies_about lie_to loot looted looting lsd lynch* malicious* malware manipulat*
    massacre* mass_shoot* meth methamphetamine* misinform* disinform* molest* money_launder* murder*
    mutilat* napalm narcotic* naz* nerve_gas nude* naked_pic* opium overdos* overthrow* paedophil*
    pedophil* phish* pick_pocket* pickpocket* pickpocketing pipe_bomb* pirate pirated pirating plagiari*
    poach* poison* ponzi porn* price_fix* price_gouging propaganda prostitut* pyramid_scheme* racial_*
    racis* radicali* ransom* rape raped raping rapist ricin rig rigged rigging riot* rob robbed robber*
    robbing rohypnol sabotag* scam* school_shoot* secretly seduc* self_harm* sex_traffick* sexis*
    sextort* sexual_abus* sexually_explicit shoplift* sim_swap* slander* slaver* slur* slurs smuggl*
    spam* spoof* spread_rumo* spread_lies spyware stab stabbed stabbing stalk stalked stalker* stalking
    starv* steal* stole stolen stealing strangl* suffocat* suicid* supremac* surveil* swindl* tamper*
    tax_evasion tax_fraud terroris* terroriz* theft* thief thieves threaten* threat threats torment*
    tortur* toxin* traffick* trojan* unauthori* underage unlawful* unsolicited uranium vandal* vermin
    vigilant* violen* virus* vote_rigging weapon* weaponi* white_suprem* worthless xenophob* zoophil*
    harm_to harm_others hurt hurts hurting cheat cheated cheating cheats bypass* circumvent* misuse*
    misus* abuse abused abuser abusing abusive degrad* dehumani* demean* discriminat* stereotyp* derogat*
    offensive obscene lewd revenge humiliat* ridicul* mock mocks mocking taunt* gaslight* deceiv*
    deception decept* mislead* false_* bogus trick_* tricks_* tricking tricked fool_* dupe* scamming
    catfish* coerc* pressure_a brainwash* indoctrinat* exploiting blow_up blowing_up set_fire set_on_fire
    fire_to burn_down break_into breaking_into broke_into break_in_to sneak* jack_a cut_the_brakes
    run_over crash_a crash_the contaminat* fabricat* destroy* destruct* disrupt* damage* wreck* ruin
    ruining unrest chaos panic hysteria havoc mustard_gas molotov
    """
)
"""Words that hardly ever occur in a harmless request without another sign that it is harmless."""

SUSPECT: Final = compile_words(
    """
    addict* aggress* anonymous* astroturf* atm bias* bribery cancel_culture challenge_that child_support
    clone copyrighted darkest daredevil diet_pill* dieting evidence escape extreme fear* gossip
    have_not_used never_used not_used lonely lying misrepresent* monopol* narciss* nazi occult overcharg*
    pressure private_data restricted_area risky satan* scalp* seductive shady shame* shaming sketchy
    speeding spies stalemate steal_from stunt* subliminal suspicious swerve taboo unqualified unregulated
    untested voter* votes voting waste witch* alarm* attack* bleach bruise* bloody brake* cartel censor*
    conspir* contraband corrupt* cover_up crack crime* criminal* crowd* crystal cult danger* dangerous*
    deadly death* dead die dies dying drug drugs drugged dump dynamite ecstasy explod* explosion* fake*
    false fight* gang* gun guns hate hates hidden hide hiding hitch immigra* infringe* jew* muslim* knife
    lethal lock_picking lure* luring minors naked nuclear pill pills poach punch* prescription*
    propagand* provoke* refugee* religion* rumo?r* rumor* rumour* scare* scarred secret* shoot shooting*
    sedat* sexual* sex shred* silenc* sniper spike spy spying suicide stun target* toxic trap* undetect*
    unnoticed unseen unsafe untraceable venom victim* wound* violat* without_consent without_permission
    forbid* prohibited tracker* tracking trespass* without_paying without_being without_getting_caught
    nobody_notices drunk gambl* betting marijuana cannabis weed smoke smoking cigarette* tobacco vap*
    steroid* leak* copyright* credit_card* password* social_security personal_information confidential*
    sensitive_information classified wiretap* hoax* trick tricks troll* curse* swear* ugly fat inferior
    superior* dwarf savag* primitive bidding_war bankrupt* default_on debt_trap loan_shark* predator*
    vulnerab* minority minorities
    noose pistol* rifle* handgun* silencer* change_my_grade* so_afraid so_scared afraid_to afraid_of_me
    scared_to terrified throw_up throwing_up shove shoves shoving bullets_through buy_bullets get_bullets
    ammo ammunition flood_a flood_the lie_on_my lying_on_my out_of_paying apartheid segregat* log_in_as
    login_as from_the_tax_office from_the_bank from_the_police from_the_court makes_people pay_me
    mentally_ill fun_of useless choke burn_a_forest alight savings meet_me drown crowbar without_a_licen*
    without_a_prescription without_asking card_numbers card_details their_passport* make_a_passport
    passport_that border_control cruel pranks private_photos everything_private daily_routine
    roof_of_a_train on_public_roads whoever stop_talking_to during_an_exam because_she_is empties_the
    bank's_database never_owned is_not_mine to_a_halt to_his_pupil grooming protected_tree songbirds
    get_high getting_high graphic_detail* holy_war
    from_the_till good_sides_of good_side_of khmer_rouge
    """
)
"""Words that occur in harmful and in harmless requests alike."""

FIGURATIVE: Final = compile_words(
    """
    kill* stab* strangl* suffocat* butcher* destroy* destruct* hack hacked hacking hacks crack* forge forged
    forging trick* tricking fool_* attack* beat_* blow_up crash_* steal* stole stolen murder* pirate* virus*
    damage* hurt hurts cheat* disguise drown* rob robbed rig rigged panic ruin wreck* threat* jack_a skimm*
    sniff* sneak* secretly torment* ambush* fatal gory hostil* thief thieves burgl* pollut* endangered*
    robber* robbing get_away_with getting_away_with
    """
)
"""Words of harm that are also used of games, work and things: they mean harm if somebody is named."""
_INNOCENT = r"""
    (?:plural|form|singular)\ (?:\w+\ )?of\ (?:the\ word\ )?['"]?\w+|['"]\w+['"]|knife\ is\ to
    |(?:kitchen|pocket|butter|bread)\ kni(?:fe|ves)|curiosity\ killed|there\ is\ smoke|drunk\ at\ dinner
    |(?:gave|give)\ \w+
    |
    kill(?:s|ed|ing)?(?:\ off)?(?:\ an?|\ the|\ all|\ every|\ this|\ that|\ my|\ some
    |\ its?)?(?:\ [\w-]+){0,2}\ (?:process(?:es)?|app(?:lication)?s?|programs?|tasks?|threads?|jobs?
    |servers?|sessions?|time|weeds?|germs?|bacteria|mould|mold|moss|fleas?|lice|mosquito(?:e?s)?|flies
    |ants?|wasps?|bugs?|pests?|lights?|engine|switch|bill|birds\ with|commands?|container|virus(?:es)?
    |cancer|tumou?rs?|cells?|stains?|smell|mood|joke|roach(?:es)?|cockroach(?:es)?|spiders?|termites?|rats
    |mice|boredom|cravings?|appetite|thirst)
    |
    (?:lady|weed|pain|buzz|serial|time)[\ -]?killers?|killer\ (?:whale|app|feature|joke|heel|outfit|cv
    |deal|abs|look)s?
    |
    (?:legs?|feet|back|head|shoes|heat|suspense|wait)\W+(?:is|are|\w+'?s)?\ ?killing\ me|dressed\ to\ kill
    |killing\ it
    |
    (?:shoot(?:ing|s)?|shot)(?:\ of)?(?:\ an?|\ the|\ some|\ my|\ our|\ good|\ better
    |\ great)*(?:\ [\w-]+){0,2}\ (?:photo(?:graph)?s?|portraits?|pictures?|videos?|films?|movies?|scenes?
    |footage|hoops?|baskets?|free\ throws?|penalt(?:y|ies)|goals?|pool|stars?|selfies?|landscapes?
    |weddings?|documentar(?:y|ies)|cameras?|pucks?|tin\ cans?|targets?|clay\ pigeons?|arrows?|e-?mails?
    |breeze|questions?|moon)
    |
    (?:photo|film|movie|video|bamboo|green|bean)[\ -]?shoots?|shooting\ stars?|trouble\ ?shoot\w*
    |shoot(?:s|ing)?\ (?:up|hoops)
    |
    murder\ mystery(?:\ \w+)?|murder\ on\ the|(?:mystery|crime|detective|horror|thriller|spy)\ (?:novel
    |stor(?:y|ies)|film|movie|book|series|plot|game|play|party|show|dinner)s?
    |
    get(?:ting)?\ away\ with\ murder|crows?\ (?:is|are)\ called|murder\ of\ crows
    |
    (?:blow|blew|blowing|pump)(?:s|ing)?(?:\ up)?(?:\ an?|\ the|\ some
    |\ my)?(?:\ [\w-]+){0,2}\ (?:balloons?|mattress|tyres?|tires?|beach\ ball|ball|pool|photos?|pictures?
    |nose|candles?|bubbles?|whistle)(?:\ up)?
    |
    smuggl(?:e|ing)\ (?:vegetables|veggies|fruit|greens|snacks)
    |bomb\ (?:disposal|squad)|poison\ (?:dart|arrow)\ frogs?
    |forg(?:e|ed|ing)\ (?:an?\ |the\ )?(?:horse\ ?shoe|knife|iron|steel|hook|friendship|bond|path|alliance)\w*
    |bath\ bombs?|photo\ ?bomb\w*|bomb\ cyclone|cherry\ bombs?|seed\ bombs?|glitter\ bombs?|(?:glue|water
    |nerf|staple|heat|nail|toy|spray|squirt|massage|caulk(?:ing)?|grease|tattoo|super\ soaker
    |radar)\ guns?|gun(?:s)?\ n'?\ roses|top\ gun|jump(?:ing)?\ the\ gun
    |
    (?:stole|steal(?:s|ing)?)(?:\ [\w']+)?\ (?:show|base|bases|second\ base|home|spotlight|scene|thunder
    |hearts?|heart\ with|ball|kiss|glance|limelight|crown|march)|steal\ of\ a\ deal|what\ a\ steal
    |in\ basketball
    |
    life\ hacks?|(?:kitchen|travel|cleaning|growth|productivity|study|ikea|sleep|beauty|storage|cooking
    |packing|parenting|budget|gardening|home)\ hacks?|hackathons?|ethical\ hack\w*|hacksaw
    |
    crack(?:s|ed|ing)?(?:\ open)?(?:\ an?|\ the|\ my|\ some)?(?:\ [\w-]+)?\ (?:eggs?|nuts?|walnuts?
    |coconuts?|jokes?|smile|knuckles?|back|code\ of\ the|whip|window|interview|case|puzzles?)
    |crack\ of\ dawn|cracked\ (?:screen|heels|lips|skin|pepper|wheat)
    |
    beat(?:s|ing)?(?:\ up)?(?:\ [\w']+){0,3}\ (?:egg\ whites|eggs?|cream|butter|batter|drum|heat|traffic
    |clock|odds|record|score|level|boss|game|team|opponent|at\ (?:chess|tennis|checkers|cards|poker|golf))
    |
    computer\ virus(?:es)?|stomach\ virus|(?:cold|flu|corona|west\ nile)\ ?virus(?:es)?
    |virus(?:es)?\ (?:scan\w*|from)|anti-?virus
    |
    trojan\ (?:horse|war)|bookworms?|earthworms?
    |
    poison\ ivy|poison(?:ed)?\ apples?|food\ poisoning|lead\ poisoning|poison(?:ous)?\ (?:plants?|frogs?
    |snakes?|mushrooms?|berries|spiders?|for\ (?:dogs|cats|pets|me|humans))
    |
    fake\ (?:tans?|fur|leather|flowers?|plants?|snow|blood|nails|lashes|eyelashes|grass|beards?
    |moustaches?|smiles?|grave\w*)|fake\ (?:a|the)\ (?:smile|dribble|pass|handoff|punt)|false\ (?:friends?
    |teeth|start|memory|memories|cognates?|alarm)
    |
    (?:poach|poached|poaching)(?:\ an?|\ the|\ some|\ in)*(?:\ [\w-]+)?\ (?:eggs?|salmon|pears?|fish
    |chicken|wine|milk)
    |
    butcher(?:s|'s)?(?:\ shops?|\ block|\ paper|\ counter|,|\ for|\ a\ (?:pumpkin|squash))|roast(?:ed
    |ing)?\ (?:chicken|potatoes)
    |
    cheat\ ?(?:sheets?|days?|meals?|codes?)|cheat(?:ed|ing)?\ death|pirate\ (?:ship|costume|party|story
    |movie|film|flag|hat|voice|accent|speak|talk|day)s?|pirates?\ (?:of\ the\ caribbean|eat|names?)
    |
    white\ lies?|white\ noise|black\ (?:market|friday|belt|hole)|guilty\ pleasures?|crime\ scenes?
    |partners?\ in\ crime
    |
    drug\ ?stores?|(?:allergy|prescription|anti-?inflammatory|generic|blood\ pressure|cancer
    |over-the-counter)\ drugs?|drug\ (?:interactions?|trials?|discovery|approval)|weed(?:s|ing)?\ (?:out
    |my|the|in|from|killer)|smoked?\ (?:salmon|ham|cheese|paprika|brisket|meat|detectors?|alarms?)
    |smoke\ (?:detectors?|alarms?|signals?)|alarm\ clocks?|smok(?:e|ing)\ a\ (?:brisket|turkey|fish|ham)
    |
    secret\ (?:santa|ingredients?|recipes?|admirer|garden|menu|sauce)|hid(?:e|ing|den)\ (?:and\ seek|gems?
    |easter\ eggs|cables?|wires?|treasure|objects?|columns?|rows?|files?\ in\ (?:finder|explorer)
    |stretch\ marks|a?\ ?gray\ hair|a?\ ?surprise)
    |
    attack\ (?:the|a)\ (?:problem|issue|bass|pile|essay|project|question|bonus)|panic\ attacks?
    |heart\ attacks?|asthma\ attacks?|snack\ attack|attack(?:ing)?\ (?:in|at|as)\ (?:\w+\ )?(?:chess|risk
    |football|soccer|volleyball|clash\ of\ clans)
    |
    (?:execute|executing)(?:\ an?|\ the|\ this)?(?:\ [\w-]+){0,2}\ (?:script|program|query|command
    |function|file|plan|code|test)s?|child\ process(?:es)?|dead\ (?:sea|pixels?|battery|batteries|ends?
    |line|lift|code|link|plants?|skin|leaves|heading)s?|dead(?:line|lift|bolt|pool)s?|die\ (?:hard|cast
    |cut|roll)|(?:roll|throw)(?:ing)?\ (?:a|the)\ die|dying\ (?:to|for|of\ laughter|wool|fabric|hair)
    |die\ laughing
    |
    bomb(?:ed|ing)?\ (?:the|my|an?|this)\ (?:\w+\ )?(?:test|exam|interview|audition|quiz|date)
    |break(?:ing)?\ into\ (?:the\ |an?\ )?(?:\w+\ )?(?:job\ market|industry|business|field|market|song
    |a?\ ?smile|dance|tears|modelling|modeling|tech)|pretend(?:ing)?\ to\ be\ (?:an?\ )?(?:pirate|tree|cat
    |dog|robot)s?
    |
    bribe\ my\ (?:toddler|kids?|son|daughter|dog|cat)|on\ purpose\ to\ (?:test|try\ out)
    |terroris\w+\ the\ (?:vacuum|cat|dog|goldfish)
    |
    hate(?:s)?\ (?:mondays?|when|doing|waking|coriander|cilantro|vegetables|homework|my\ job|cooking
    |exercis\w+|the\ taste)
    |
    gas\ (?:station|stove|mileage|bill|grill|tank|prices?|law|giants?)|natural\ gas|gas\ laws
    |greenhouse\ gas(?:es)?
    |
    stalks?\ of|celery\ stalks?|bean\ ?stalk|trespass(?:es)?\ against|cutting\ board|cut(?:s
    |ting)?\ (?:corners|down|back|costs|calories|grass|hair|my\ (?:own\ )?hair|carbs|sugar|paper|onions?)
    |
    strike\ (?:a\ balance|a\ pose|up|gold|out)|strik(?:e|es|ing)\ (?:similarities|colou?rs?)
    |lightning\ strikes?|bowling\ strike|punch(?:ing)?\ (?:holes?|cards?|lines?|bags?|bowl|line)
    |fruit\ punch|hole\ punch|hit\ (?:songs?|a\ (?:golf|tennis|home)|the\ (?:gym|road|books|beach|target))
    |
    explo(?:de|des|ded|ding|sion)\ (?:in\ popularity|of\ (?:colou?r|flavou?r|taste|growth))
    |cambrian\ explosion|big\ bang\ explosion|population\ explosion|exploded\ view|explode\ in\ (?:a
    |the)\ microwave|dynamite\ (?:performance|song|dish)
    |
    crash\ (?:a|the)\ (?:test|staging|development)\ (?:database|server)|crash(?:es|ed|ing)?\ (?:course
    |on\ a?\ ?(?:couch|friend)|into\ (?:bed|the\ couch)|landing|test|report|a\ party|the\ party)
    |market\ crash
    |
    crash\ a\ (?:party|wedding)|hostile\ takeover|take(?:ing)?\ down\ (?:a|the)\ (?:christmas|tent|curtain
    |poster|decorations|note)s?
    |
    set(?:ting)?\ (?:the\ )?(?:dance\ ?floor|stage|crowd|world|room|house)(?:\ \w+)?\ on\ fire
    |fire\ (?:drill|truck|place|fighter|extinguisher|works?)s?
    |
    exploit(?:s|ing)?\ (?:the\ |your\ |my\ |our\ )?(?:natural|strengths?|opportunit\w+|advantages?
    |symmetr\w+|parallel\w*|a?\ ?gap\ in\ the\ market|a?\ ?loophole\ in)|damage(?:d)?\ (?:hair|skin|goods
    |control|car|paint|wall|screen|phone|nails)|destroy(?:ing)?\ (?:an?\ )?(?:object|instance|session
    |old\ documents|records|cookie|pokemon|opponent)s?
    |
    stab(?:bed)?\ (?:at|in\ the\ dark)|take\ a\ stab|back\ ?stab\w*|slash(?:ed|ing)?\ prices?|smash(?:ed
    |ing)?\ (?:the\ )?(?:patriarchy|potato(?:es)?|avocado|burger|pi[nñ]ata|goals?|hit|bros|pumpkins?)
    |shot(?:s)?\ (?:glass|put|of\ espresso)|flu\ shots?
    """
INNOCENT: Final = re.compile(rf"\b(?:{_INNOCENT})\b", re.IGNORECASE | re.VERBOSE)
"""Phrases that make a suspicious word innocent; they are removed before the other lists are tried."""

PERSON: Final = r"""
    (?:some(?:one|body)(?:'s)?|any(?:one|body)(?:'s)?|persons?|people|humans?|(?:wo)?m[ae]n|girls?|boys?
    |child(?:ren)?|kids?|bab(?:y|ies)|toddlers?|teen(?:ager)?s?|infants?|wife|husband|(?:girl|boy)friend
    |partners?|spouse|ex(?:es)?|mother|father|mum|mom|dad|parents?|sister|brother|son|daughter|(?:grand
    |step)?(?:mother|father|son|daughter)|uncle|aunt|cousin|niece|nephew|family|friends?|neighbou?rs?
    |strangers?|boss(?:es)?|employe(?:e|r)s?|cowork\w+|co-workers?|colleagues?|class\ ?mates?
    |(?:room|flat|house)\ ?mates?|mayors?|ministers?|senators?|doctors?|nurses?|professors?|dentists?
    |clients?|coach(?:es)?|nanny|lodgers?|drivers?|waiters?|cashiers?|housemaids?|teachers?|students?|pupils?|tenants?|landlord|judges?|jur(?:y|ors?)
    |witness(?:es)?|police(?:man|men)?|officers?|guards?|president|politicians?|candidates?|celebrit\w+
    |actress(?:es)?|actors?|journalists?|patients?|pensioners?|passengers?|customers?|workers?|villages?
    |population|cit(?:y|ies)|hospital|synagogue|mosque|church|myself|himself|herself|themselves|animals?
    |dogs?|cats?|pupp(?:y|ies)|kittens?|horses?|pigeons?|guests?|immigrants?|refugees?|opponents?|enem(?:y
    |ies)|rivals?)
    """
_ASSAULT: Final = join_words(
    """
    abandon* annihilat* asphyxiat* bait beat* bite blame blames blaming blind blinding break burn* buy
    buying captur* carv* chain chok* convinc* corner* corrupt* crippl* crush cut cut_off decimat* deport*
    depriv* disown dispos*_of dox drag drain drown* electrocut* eliminat* empties empty eradicat* evict
    execut* exhaust expel expos* exterminat* film filming finish_off follow following force forces forcing
    frighten* gag get_into get_rid_of gouge hammer handcuff* hang heist hit hitting hurl identify impal*
    incinerat* infuriat* isolat* kick* knock* leak liquidat* lock locking lure lures luring maim* neglect*
    nick obliterat* overpower paralyse paralyze persuad* pilfer pressur* publish* pummel punish* push pushes
    pushing ram record recording rip rip rip_off ripping ripping_off rips_off run_over saw scald* scratch
    sell selling shoot* silenc* skewer skin slap slash slaughter* slit smack smash smother* snatch* spit_on
    spy_on spying_on squash subdue swindle swipe tackl* take_out target targeting targets terminat* tie_up
    torch touch touching track tracking trap trip undress* unmask watch watching weaken whip wip*_out
    """
)
GROUP_OF_PEOPLE: Final = join_words(
    " ".join([PEOPLE, *sorted(form for word in GROUPS.split() for form in inflect(word))])
)
AIMED: Final = re.compile(
    rf"""
    \b{_ASSAULT}(?:\ [\w'-]+){{0,4}}\ {PERSON}\b
    # Private facts of other people.
    |\b(?:\w+'s|\w+s'|his|her|their)\ (?:[\w'-]+\ ){{0,2}}(?:(?:home\ )?address|phone|(?:mobile|telephone
    |licen[cs]e|passport|card)\ number|bank|birth|medical|health|date\ of\ birth|records?|browsing|history
    |salary|whereabouts|location|letters|messages|mail|emails|password|signature|voice|sim\ card|key\ card
    |bedroom|accounts?|income|identity|inbox|private|diary|marital\ status|photos?|status|house)\b
    |\b(?:address|phone\ number|identity|location|records?|patients?|photos?)\ of\ (?:a|the|my|an
    |someone)\b
    |\b(?:what|when|where|how\ (?:much|can|do|could|would))\b[^.?!]*\b(?:my|our|a
    |the)\ (?:[\w-]+\ ){{0,2}}{PERSON}'s?\ (?!favou?rite|birthday|name)
    |\bwhy\ should\ (?!i\b|we\b|one\b|you\b)(?:[\w-]+\ ){{1,4}}(?:not|earn|have\ to|be|get|make|go|pay)\b
    |\bnot\ (?:be\ )?(?:allowed|permitted|deserve|have\ (?:equal|access|rights?))
    # Groups of people of whom something bad is claimed.
    |\b{GROUP_OF_PEOPLE}\ (?:\w+\ ){{0,4}}(?:should(?:n't)?|do\ not\ deserve|don't\ deserve|deserve\ less
    |out\ of|are\ (?:\w+\ )?(?:less|more|too|worse|better|bad|lazy|stupid|criminal|over)|must\ not
    |to\ (?:earn|be)\ (?:less|over))
    |\bwhy\ (?:it\ is|is\ it|it's)\ (?:\w+\ ){{0,3}}(?:right|best|good|better|fair|okay|fine|justified)\b
    |\b(?:blames?|blaming)\ (?:\w+\ ){{0,3}}(?:people|minority|immigrants|women)\b
    # Goods and acts that are criminal whatever the verb.
    |\b(?:coke|weed|marihuana|crack|amphetamines?|mdma|ketamine|oxy\w*|speed|acid|mushrooms)\ (?:in|on|for
    |from|at)\b|\bgrams?\ of\b|\bset(?:s|ting)?\ (?:[\w']+\ ){{1,3}}(?:on\ fire|alight)|\b(?:bring|brings
    |bringing)\ (?:[\w']+\ ){{1,3}}down\b|\bscars?\b|\b(?:treason|perjury|arson|bigamy|incest|felony
    |tax\ evasion|pick\ (?:a|the|any)\ (?:\w+\ )?locks?|botnets?|worms?|siphon\w*|hot-?wir\w+|antivirus
    |botulin\w*|cyanide|arsenic|belladonna|chloroform|mercury|asbestos|(?:sell|buy
    |harvest)\w*\ (?:\w+\ )?(?:organs?|kidneys?))\b
    # Deceit and dangerous dares.
    |\b(?:pretend(?:s|ed|ing)?|pos(?:e|es|ing)\ as|pass(?:es|ing)?\ (?:me\ |myself\ )?as|imitat\w+
    |look(?:s|ed)?\ like\ an\ accident|never\ attended|do(?:es)?\ not\ (?:exist|have)|lies|lying
    |claims?\ that|says\ that|not\ mine|in\ my\ place|my\ own\ so\ that|against\ (?:her|his|their)\ will
    |without\ evidence|anonymous(?:ly)?|cannot\ be\ traced|so\ that\ (?:nobody|no\ one|they\ do\ not)
    |unentitled|not\ entitled|without\ (?:their|his|her|my)\ parents|stop\ taking|throw\ away\ (?:their
    |his|her|the)\ medicine|instead\ of\ (?:medicine|a\ doctor)|do\ not\ call|run\ away\ from\ home
    |driv\w+\ home|(?:ten|six|five|several|many)\ beers|whisky|bleed|faints?|faint|too\ drunk
    |play\ with\ matches|breaks?\ my\ neck|end\ (?:it|my)|not\ live\ any|kill\w*\ myself
    |cut(?:ting)?\ myself|go\ out\ like|die\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Acts against people or animals, other people's private facts, slurs on groups, crimes, deceit and dares."""
