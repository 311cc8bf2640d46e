return { name = "Verbs", trunks = { pstn = { host = "sip.example.net" } } }
