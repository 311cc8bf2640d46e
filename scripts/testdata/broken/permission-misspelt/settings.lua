return { name = "Test", trunks = { pstn = { host = "127.0.0.9:5060", from = { "127.0.0.9/32" } } } }
