-- Of the exchange in which the library's own tests run: see main.lua.

return {
  name = "Library",
  trunks = { pstn = { host = "pstn.example.net" }, backup = { host = "backup.example.net" } },
}
