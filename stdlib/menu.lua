-- Menus: a prompt, keys, and what each leads to. A caller is never stranded.
--
--   menu.offer(call, {
--     prompt  = "main/welcome",                    -- "For sales, press 1. For support, press 2 …"
--     options = {
--       ["1"]     = "15000",                       -- goes on as if 15000 had been dialled
--       ["2"]     = function(call) … end,
--       ["7xxxx"] = "dialled",                     -- who knows an extension dials it
--     },
--     giveUp  = "15000",
--   })

local say = require "say"

local m = {}

local function longest(options)
  local most = 1
  for keys in pairs(options) do most = math.max(most, #keys) end
  return most
end

local function take(call, choice, digits)
  if type(choice) == "function" then return choice(call) end
  call:redirect(choice == "dialled" and digits or choice)
end

-- Offers choices, and does what is chosen. Who chooses nothing in all tries goes to giveUp, or hears goodbye.
---@param call Call
---@param options { prompt: Prompt, options: Routes, timeout?: Duration, tries?: integer, invalid?: Prompt, giveUp?: Route, language?: string }
---@return any what a chosen function returned
function m.offer(call, options)
  local o = check("menu.offer", options, {
    prompt = {}, options = {}, timeout = "6s", tries = 3, invalid = "pm-invalid-option", giveUp = false, language = false,
  })
  local before = {}                                 -- heard with the question, so that a key pressed then counts
  for _ = 1, o.tries do
    local r = call:readDigits {
      prompt = say.join(before, o.prompt), max = longest(o.options), terminator = not o.options["#"] and "#", timeout = o.timeout,
      between = "2s", language = o.language,
    }
    local choice = choose("menu of " .. call.dialled, o.options, r.digits)
    if choice then return take(call, choice, r.digits) end
    before = r.outcome == "timeout" and "belfry/no-choice" or o.invalid
  end
  if o.giveUp then return take(call, o.giveUp) end
  call:playPrompt("vm-goodbye", { language = o.language })
  call:hangup()
end

-- Reads one key out of some. nil: none of them, in three tries. name is what people call the choice.
---@param call Call
---@param prompt Prompt
---@param keys string
---@param name string
---@return string?
function m.key(call, prompt, keys, name)
  local choices, before = {}, {}
  for key in keys:gmatch(".") do choices[key] = key end
  for _ = 1, 3 do
    local r = call:readDigits { prompt = say.join(before, prompt), max = 1, terminator = false, timeout = "8s" }
    local key = choose(name, choices, r.digits)
    if key then return key end
    before = r.outcome == "timeout" and {} or "pm-invalid-option"
  end
end

return m
