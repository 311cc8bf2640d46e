-- Conference rooms, by the number that is dialled. Several rooms may share a number: the PIN tells which is meant,
-- and whether the caller is its moderator.

return {
  ["89000"] = {
    { name = "faculty", pin = "246810", moderatorPin = "975310", waitForModerator = true, endsWithModerator = true },
    { name = "seminar", pin = "864213", moderatorPin = "531864", maxMembers = 200 },
  },
}
