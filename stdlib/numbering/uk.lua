-- The numbers of the United Kingdom (Ofcom's national telephone numbering plan), for numbering.new. In all of them
-- x is any digit, n 2–9, and [06] one of a set.

return {
  trunk = "0",                                      -- what stands before a national number
  international = "00",                             -- and before any other country's

  codes = {                                         -- dialled as they are
    emergency = { "999", "112" },
    short     = { "10[015]", "111", "123", "15[59]", "116xxx" },
    premium   = { "118xxx" },                       -- directory enquiries
  },

  -- Of each kind of number: what it begins with after the 0, its class, and how many digits it may have without
  -- the 0. The first that fits decides.
  numbers = {
    { "7624",  "mobile",        10 },               -- the Isle of Man
    { "7[06]", "premium",       10 },               -- personal numbers and pagers look like mobiles and cost like 09
    { "7",     "mobile",        10 },
    { "1",     "national",      9, 10 },
    { "2",     "national",      10 },
    { "3",     "nonGeographic", 10 },
    { "5[56]", "nonGeographic", 10 },
    { "8",     "nonGeographic", 7, 9, 10 },
    { "9",     "premium",       10 },
  },

  -- Codes of the world that belong to no country: satellites and worldwide premium rate.
  premiumAbroad = { "87[08]", "88[123]", "979" },
}
