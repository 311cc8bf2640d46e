-- Hunt groups, by number. A member is a number, or { number, ringFor =, weight = }.
--
--   strategy  sequential    one after another, as written
--             simultaneous  all at once
--             circular      one after another, beginning after the one who was rung last
--             longestIdle   who has waited longest for a call first
--             random, weighted
--
-- Where a call goes that nobody takes: overflow (a number), else mailbox; overflowBusy, overflowNoAnswer,
-- overflowLoggedOut and overflowNobody come first in their cases.

return {
  ["15000"] = {
    kind = "hunt", name = "Help desk", strategy = "longestIdle", ringFor = "15s", timeout = "1m",
    members = { "77610", "77611", { "77612", ringFor = "20s" } },
    overflowLoggedOut = "77610",
    mailbox = "15000",
  },
  ["15100"] = {
    kind = "hunt", name = "Porters", strategy = "simultaneous", ringFor = "30s",
    members = { "77620", "77621" },
    overflow = "15000",
  },
}
