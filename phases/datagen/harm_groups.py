"""Words for groups of people, about which a request may claim something bad."""

from typing import Final

GROUPS: Final = """
    aboriginal addict african american arab asian atheist autistic bisexual black blind blonde brunette
    buddhist catholic chinese christian cripple deaf disabilities disability disabled ethnic ethnicity
    fat feminist foreign foreigner gay german gypsies gypsy handicapped hindu hispanic homeless
    homosexual immigrant indian indigenous infidel islamic israeli italian jew jewish latina latino
    latinx leftist lesbian mexican migrant minorities minority muslim nationalities nationality native
    negro nonbinary obese pakistani palestinian poles polish pregnant queer race racial refugee religion
    roma russian sikh skinny syrian trans transgender turk turkish unbeliever unemployed veteran white
    women
    """
"""Groups by origin, faith, sexuality, body or situation, in the singular where there is one."""
PEOPLE: Final = """
    boys elderly french_people girls men old_people poor short_people skin_color skin_colour students
    teenagers the_poor the_rich young_people
    """
"""Other people about whom claims are made, but who are mostly mentioned without one."""
