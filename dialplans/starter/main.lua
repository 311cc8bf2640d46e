-- A small office. Each file says its part, and the file of tests beside it what that promises.

require "people"      -- 201 and 202, with voicemail; *97
require "sales"       -- 610, a group
require "reception"   -- 600, the main number: a greeting, hours and a menu
