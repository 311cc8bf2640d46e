-- An exchange to be measured: it trusts one trunk, the load generator on this machine, and calls it back there.

return {
  name = "Load",
  sip = { udp = "127.0.0.1:5070", tcp = "127.0.0.1:5070", realm = "load" },
  rtp = { ports = "16384-32767", address = "127.0.0.1" },
  control = "belfry.sock",
  metrics = "127.0.0.1:9190",
  trunks = { bench = { host = "127.0.0.1:5090", from = { "127.0.0.1/32" } } },
}
