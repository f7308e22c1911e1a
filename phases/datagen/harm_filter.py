"""Detection of requests for help to do harm, by their words.

The category of a list does not tell what to decline, because a base model continues a list of harmful
requests with harmless ones. After such lists, nine in ten of the requests that gemma-3-270m wrote were
harmless.
"""

import re
from typing import Final

_HARM: Final = re.compile(
    r"""\b(?:
    abus(?:e|ing) | arson | assassin | assault | attack(?:s|ed|ing)?\b | blackmail | bombs?\b
    | bomb(?:ed|ing) | break(?:ing)?\ into | brib(?:e|ing) | bull(?:y|ies|ied) | burgl
    | cheat(?:s|ed|ing)?\b | cocaine | counterfeit | deceiv | drugs?\b | drugg(?:ed|ing) | embezzl
    | explosive | extort | fake | fire\ to | forg(?:e|ed|ing)\b | fraud | get(?:ting)?\ away\ with
    | guns?\b | hack(?:s|ed|ing|er|ers)?\b | harass | harm(?:s|ed|ing)?\b | hate(?:s|d)?\b | hatred
    | hurt(?:s|ing)?\b | heroin\b | hide\ (?:a|the|my)\ body | identity\ theft | illegal | impersonat
    | insult | kidnap | kill(?:s|ed|ing|er)?\b | launder | lie\ (?:to|about) | lies\ about | malware
    | manipulat | meth\b | murder | phish | pickpocket | poison | porn | prostitut | racist | ransom
    | rap(?:e|ed|ist)\b | rig\b | rob(?:s|bed|bing|bery|ber)?\b | rumou?r | sabotage | scam | secretly
    | sexist | shoot(?:s|ing)?\b | shoplift | smuggl | spy(?:ing|ware)?\b | stab(?:s|bed|bing)?\b
    | stalk(?:s|ed|ing)?\b | steal | stole | stranger's | strangl | suicid | swindl | terroris | theft
    | thie[fv] | threat | tortur | trick(?:s|ed|ing)?\b | vandal | violen | virus | weapon
    | without\ (?:\w+\ ){0,4}
      (?:permission | consent | knowing | noticing | seeing | paying | caught | checks? | licen[cs]e | noticed
      | trace | visa)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_PREVENTION: Final = re.compile(
    r"\b(?:prevent|stop|catch|avoid|protect|safe|secure|get(?:ting)? rid|remove|report|recogni[sz]e|detect"
    r"|spot|defend|surviv|investigat|accus|allegation|whether|complain|experienced|cancer|glue gun"
    r"|against(?! people)|from being|been"
    r"|(?<!without )being|if|victim|help (?:him|her|them|someone|a friend))",
    re.IGNORECASE,
)
_REQUEST: Final = re.compile(
    r"(?:please )?(?:how (?:do|can|could|should|would|may|might) i\b|how to\b|tell me how|teach|explain how"
    r"|explain to|show|describe how|give|help|write|make|create|plan|convince|persuade|invent|compose|find"
    r"|tell me the best)",
    re.IGNORECASE,
)


def asks_for_harm(instruction: str) -> bool | None:
    """Return whether an instruction asks for help to do harm and should be declined.

    Returns:
        False if no word mentions harm, True if a request mentions it without words of prevention, and None if
        the words do not tell.
    """
    if not _HARM.search(instruction):
        return False
    is_request = _REQUEST.match(instruction.lstrip("\"' ")) is not None
    if is_request and not _PREVENTION.search(instruction):
        return True
    return None
