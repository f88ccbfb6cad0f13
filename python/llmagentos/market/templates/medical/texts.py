"""What is said word for word, whatever was asked: no model has a part in it."""

_NUMBERS = "112 in Europe and many other countries, 911 in North America, 999 in the United Kingdom, 120 in China"

INTRODUCTION = f"""I ask about a complaint, say how soon a doctor should see it, and inform, saying what that rests on.
I am a program, not a doctor: I make no diagnosis, and what I miss can matter. I understand English only.
In an emergency call your local emergency number now: {_NUMBERS}.
Describe in your own words what troubles you. Commands: help, back, skip, summary, json, restart, exit."""

EMERGENCY = f"""THIS MAY BE AN EMERGENCY ({{reason}}).
Call your local emergency number now: {_NUMBERS}.
Do not drive yourself, and do not stay alone. Tell them what you told me.
(If it is not happening now, say: continue.)"""

CRISIS = """I am glad that you said so. You do not have to be alone with this, and help is there right now.
If you are in danger or have hurt yourself, call your local emergency number (112, 911, 999, 120).
To talk to somebody: 988 in the United States and Canada, 116 123 (Samaritans) in the United Kingdom and Ireland,
12356 in China; elsewhere findahelpline.com lists lines by country.
Stay with somebody you trust, and put away what you could hurt yourself with.
(When you are safe, say: continue.)"""

NO_DIAGNOSIS = """I cannot say what it is, and I do not guess: that takes a person who can examine and test.
I can note your answers for a doctor, and say how soon one should see it."""

NO_DOSES = """I say nothing about doses or about which medicine to take: that depends on age, weight, other medicines
and illnesses. Ask a pharmacist or your doctor, or read the leaflet in the package."""

NOT_KNOWN = "My leaflets say nothing about that, so I do not know. A pharmacist or a doctor can tell you."

LEVELS = {
    "emergency": "Call the emergency number now",
    "today": "See or call a doctor today",
    "within days": "See a doctor within the next days",
    "watch": "None of my rules calls for a doctor at once",
}

NO_ALL_CLEAR = "That is no all-clear: see a doctor if it gets worse, does not go away, or worries you."
