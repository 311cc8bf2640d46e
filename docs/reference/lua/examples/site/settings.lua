return {
  name = "Examples",
  sip = { udp = "127.0.0.1:5060", realm = "examples" },
  trunks = { pstn = { host = "192.0.2.1" } },
}
