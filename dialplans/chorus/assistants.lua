-- Executives, by extension: who takes their calls, and who does when no assistant is there: "manager", "mailbox"
-- or a deputy's number. Callers on list("whitelist-" .. manager) go straight through.

return {
  ["77600"] = { assistants = { "77601", "77602" }, strategy = "sequential", ringFor = "15s", whenAbsent = "mailbox" },
}
