# ruff: noqa: E501 - one table a line
"""Names that belong together: countries and their capitals, books and their authors."""

import re
from typing import Final

_COUNTRIES_AND_CAPITALS: Final = "Afghanistan/Kabul, Albania/Tirana, Algeria/Algiers, Andorra/Andorra la Vella, Angola/Luanda, Argentina/Buenos Aires, Armenia/Yerevan, Australia/Canberra, Austria/Vienna, Azerbaijan/Baku, Bahamas/Nassau, Bahrain/Manama, Bangladesh/Dhaka, Barbados/Bridgetown, Belarus/Minsk, Belgium/Brussels, Belize/Belmopan, Bhutan/Thimphu, Bolivia/Sucre, Bolivia/La Paz, Bosnia and Herzegovina/Sarajevo, Botswana/Gaborone, Brazil/Brasília, Brazil/Brasilia, Brunei/Bandar Seri Begawan, Bulgaria/Sofia, Cambodia/Phnom Penh, Cameroon/Yaoundé, Cameroon/Yaounde, Canada/Ottawa, Chad/N'Djamena, Chile/Santiago, China/Beijing, Colombia/Bogotá, Colombia/Bogota, Costa Rica/San José, Costa Rica/San Jose, Croatia/Zagreb, Cuba/Havana, Cyprus/Nicosia, Czech Republic/Prague, Czechia/Prague, Denmark/Copenhagen, Dominican Republic/Santo Domingo, Ecuador/Quito, Egypt/Cairo, El Salvador/San Salvador, England/London, Eritrea/Asmara, Estonia/Tallinn, Ethiopia/Addis Ababa, Fiji/Suva, Finland/Helsinki, France/Paris, Georgia/Tbilisi, Germany/Berlin, Ghana/Accra, Great Britain/London, Greece/Athens, Guatemala/Guatemala City, Guyana/Georgetown, Haiti/Port-au-Prince, Honduras/Tegucigalpa, Hungary/Budapest, Iceland/Reykjavik, Iceland/Reykjavík, India/New Delhi, India/Delhi, Indonesia/Jakarta, Iran/Tehran, Iraq/Baghdad, Ireland/Dublin, Israel/Jerusalem, Italy/Rome, Ivory Coast/Yamoussoukro, Jamaica/Kingston, Japan/Tokyo, Jordan/Amman, Kazakhstan/Astana, Kenya/Nairobi, Kosovo/Pristina, Kuwait/Kuwait City, Kyrgyzstan/Bishkek, Laos/Vientiane, Latvia/Riga, Lebanon/Beirut, Liberia/Monrovia, Libya/Tripoli, Liechtenstein/Vaduz, Lithuania/Vilnius, Luxembourg/Luxembourg, Madagascar/Antananarivo, Malaysia/Kuala Lumpur, Maldives/Malé, Mali/Bamako, Malta/Valletta, Mauritius/Port Louis, Mexico/Mexico City, Moldova/Chisinau, Monaco/Monaco, Mongolia/Ulaanbaatar, Montenegro/Podgorica, Morocco/Rabat, Mozambique/Maputo, Myanmar/Naypyidaw, Namibia/Windhoek, Nepal/Kathmandu, Netherlands/Amsterdam, The Netherlands/Amsterdam, New Zealand/Wellington, Nicaragua/Managua, Niger/Niamey, Nigeria/Abuja, North Korea/Pyongyang, North Macedonia/Skopje, Northern Ireland/Belfast, Norway/Oslo, Oman/Muscat, Pakistan/Islamabad, Panama/Panama City, Papua New Guinea/Port Moresby, Paraguay/Asunción, Paraguay/Asuncion, Peru/Lima, Philippines/Manila, Poland/Warsaw, Portugal/Lisbon, Qatar/Doha, Romania/Bucharest, Russia/Moscow, Rwanda/Kigali, San Marino/San Marino, Saudi Arabia/Riyadh, Scotland/Edinburgh, Senegal/Dakar, Serbia/Belgrade, Singapore/Singapore, Slovakia/Bratislava, Slovenia/Ljubljana, Somalia/Mogadishu, South Africa/Pretoria, South Africa/Cape Town, South Korea/Seoul, South Sudan/Juba, Spain/Madrid, Sri Lanka/Colombo, Sri Lanka/Sri Jayawardenepura Kotte, Sudan/Khartoum, Suriname/Paramaribo, Sweden/Stockholm, Switzerland/Bern, Switzerland/Berne, Syria/Damascus, Taiwan/Taipei, Tajikistan/Dushanbe, Tanzania/Dodoma, Thailand/Bangkok, Tunisia/Tunis, Turkey/Ankara, Türkiye/Ankara, Turkmenistan/Ashgabat, UK/London, US/Washington D.C., USA/Washington D.C., USA/Washington, USA/Washington DC, Uganda/Kampala, Ukraine/Kyiv, Ukraine/Kiev, United Arab Emirates/Abu Dhabi, United Kingdom/London, United States/Washington D.C., United States/Washington, United States/Washington DC, United States of America/Washington D.C., Uruguay/Montevideo, Uzbekistan/Tashkent, Venezuela/Caracas, Vietnam/Hanoi, Wales/Cardiff, Yemen/Sana'a, Zambia/Lusaka, Zimbabwe/Harare, Antigua and Barbuda/St. John's, Antigua and Barbuda/Saint John's, Benin/Porto-Novo, Burkina Faso/Ouagadougou, Burundi/Gitega, Cabo Verde/Praia, Cape Verde/Praia, Central African Republic/Bangui, Comoros/Moroni, Democratic Republic of the Congo/Kinshasa, DR Congo/Kinshasa, Republic of the Congo/Brazzaville, Congo/Brazzaville, Cote d'Ivoire/Yamoussoukro, Côte d'Ivoire/Yamoussoukro, Djibouti/Djibouti, Dominica/Roseau, East Timor/Dili, Timor-Leste/Dili, Equatorial Guinea/Malabo, Eswatini/Mbabane, Eswatini/Lobamba, Gabon/Libreville, Gambia/Banjul, The Gambia/Banjul, Grenada/St. George's, Guinea/Conakry, Guinea-Bissau/Bissau, Kiribati/Tarawa, Kiribati/South Tarawa, Lesotho/Maseru, Malawi/Lilongwe, Marshall Islands/Majuro, Mauritania/Nouakchott, Micronesia/Palikir, Nauru/Yaren, Palau/Ngerulmud, Palestine/Ramallah, Saint Kitts and Nevis/Basseterre, Saint Lucia/Castries, Saint Vincent and the Grenadines/Kingstown, Samoa/Apia, Sao Tome and Principe/São Tomé, São Tomé and Príncipe/São Tomé, Seychelles/Victoria, Sierra Leone/Freetown, Solomon Islands/Honiara, Togo/Lomé, Togo/Lome, Tonga/Nuku'alofa, Trinidad and Tobago/Port of Spain, Tuvalu/Funafuti, Vanuatu/Port Vila, Vatican City/Vatican City, Greenland/Nuuk, Puerto Rico/San Juan, Holland/Amsterdam, The Bahamas/Nassau, The Philippines/Manila, Burma/Naypyidaw, Myanmar (Burma)/Naypyidaw, South Africa/Bloemfontein, Republic of Ireland/Dublin, Maldives/Male, Moldova/Chișinău, Tonga/Nukuʻalofa, Sri Lanka/Kotte"
COUNTRIES_AND_CAPITALS: Final = [
    (country.strip(), capital)
    for country, _, capital in (pair.partition("/") for pair in re.split(",", _COUNTRIES_AND_CAPITALS))
]
CAPITALS: Final = list(
    dict.fromkeys([*(capital for _, capital in COUNTRIES_AND_CAPITALS), "Washington, D.C.", "Washington, DC"])
)
WORKS: Final[dict[str, str]] = {
    "".join(letter for letter in title if letter.isalnum() or letter == " ").strip(): author
    for author, titles in {
        "Shakespeare": "hamlet, macbeth, romeo and juliet, othello, king lear, midsummer night's dream, tempest, julius caesar",
        "Orwell": "1984, nineteen eighty-four, animal farm",
        "Lee": "to kill a mockingbird",
        "Fitzgerald": "great gatsby",
        "Austen": "pride and prejudice, emma, sense and sensibility, persuasion, mansfield park",
        "Tolkien": "hobbit, lord of the rings, fellowship of the ring, silmarillion, two towers",
        "Rowling": "harry potter and the philosopher's stone, harry potter and the sorcerer's stone, harry potter, harry potter and the chamber of secrets",
        "Tolstoy|Tolstoi": "war and peace, anna karenina",
        "Dostoevsky|Dostoyevsky": "crime and punishment, brothers karamazov, idiot",
        "Melville": "moby dick, moby-dick",
        "Salinger": "catcher in the rye",
        "Brontë": "jane eyre, wuthering heights",
        "Dickens": "oliver twist, great expectations, tale of two cities, david copperfield, christmas carol",
        "Twain": "adventures of huckleberry finn, adventures of tom sawyer, tom sawyer",
        "Stoker": "dracula",
        "Shelley": "frankenstein",
        "Cervantes": "don quixote",
        "Homer": "odyssey, iliad",
        "Hemingway": "old man and the sea, farewell to arms, for whom the bell tolls, sun also rises",
        "Steinbeck": "of mice and men, grapes of wrath, east of eden",
        "Huxley": "brave new world",
        "Bradbury": "fahrenheit 451",
        "Coelho": "alchemist",
        "Saint-Exupéry": "little prince, le petit prince",
        "Herbert": "dune",
        "Márquez": "one hundred years of solitude",
        "Golding": "lord of the flies",
        "Carroll": "alice in wonderland, alice's adventures in wonderland",
        "Wilde": "picture of dorian gray",
        "Stevenson": "treasure island",
        "Verne": "around the world in eighty days, twenty thousand leagues under the sea",
        "Kafka": "metamorphosis, trial",
        "Hugo": "les misérables, les miserables",
        "Collins": "hunger games",
        "Brown": "da vinci code",
        "King": "shining, it, carrie",
        "Christie": "murder on the orient express, and then there were none",
        "Doyle": "hound of the baskervilles",
        "Atwood": "handmaid's tale",
        "Adams": "hitchhiker's guide to the galaxy",
        "Hosseini": "kite runner",
        "Vonnegut": "slaughterhouse-five",
        "Joyce": "ulysses",
        "Woolf": "mrs dalloway, to the lighthouse",
        "Dahl": "matilda, charlie and the chocolate factory, bfg",
        "White": "charlotte's web",
    }.items()
    for title in titles.split(",")
}
"""Well-known books, in small letters and without a leading article, and the surnames of their authors."""
