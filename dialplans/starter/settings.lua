-- How the exchange is connected: to telephones on this machine alone. Write the address of your network to let
-- others register.

return {
  name = "Starter",
  sip = { udp = "127.0.0.1:5060", tcp = "127.0.0.1:5060", realm = "starter" },
  rtp = { ports = "16384-16484", address = "127.0.0.1" },
  maxCalls = 25, -- each needs four ports
  control = "belfry.sock",
  metrics = false,
}
