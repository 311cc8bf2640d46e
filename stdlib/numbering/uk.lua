-- The numbers of the United Kingdom (Ofcom's national telephone numbering plan), for numbering.new.

return {
  trunk = "0",                                      -- what stands before a national number
  international = "00",                             -- and before any other country's

  codes = {                                         -- dialled as they are
    emergency = { "999", "112" },
    short     = { "100", "101", "105", "111", "123", "155", "159", "116xxx" },
    premium   = { "118xxx" },                       -- directory enquiries
  },

  -- Of each kind of number: the digits after the 0 that it begins with, its class, and how many digits
  -- it has without the 0. The longest beginning decides.
  numbers = {
    { "1",    "national",      9, 10 },
    { "2",    "national",      10 },
    { "3",    "nonGeographic", 10 },
    { "55",   "nonGeographic", 10 },
    { "56",   "nonGeographic", 10 },
    { "7",    "mobile",        10 },
    { "70",   "premium",       10 },                -- personal numbers: they look like mobiles and cost like 09
    { "76",   "premium",       10 },                -- pagers, too
    { "7624", "mobile",        10 },                -- but for the Isle of Man's mobiles
    { "8",    "nonGeographic", 7, 9, 10 },
    { "9",    "premium",       10 },
  },

  -- Codes of the world that belong to no country: satellites and worldwide premium rate.
  premiumAbroad = { "870", "878", "881", "882", "883", "979" },
}
