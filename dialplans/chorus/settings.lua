-- How the exchange is connected. As it stands it hears nothing but this machine: for a real site, write your own
-- addresses, and keep secrets in the environment.

return {
  name = "Chorus",

  sip = { udp = "127.0.0.1:5060", tcp = "127.0.0.1:5060", realm = "chorus" },
  rtp = { ports = "16384-32767", address = "127.0.0.1" },

  control = "belfry.sock",                          -- in the data folder
  metrics = "127.0.0.1:9090",

  trunks = {
    -- A real one: { host = "sip.example.net", user = "chorus", secret = secret "PSTN", from = { "192.0.2.0/28" } }
    pstn = { host = "127.0.0.9:5060", from = { "127.0.0.9/32" } },
  },
}
