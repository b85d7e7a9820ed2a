-- Reads the chapters, which `document.py` hands over as JSON, and adds to pandoc what Quarto adds,
-- as far as the chapters use it: numbers by chapter, cross-references, callouts; for HTML, for
-- typst and for a notebook. It is a reader, for citeproc, which comes later, would take @fig-x for a
-- citation; and each chapter is read by itself, so that its footnotes are its own.

local KINDS = { fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section" }
local IMAGES = { svg = true, png = true, jpg = true, jpeg = true, gif = true }
-- TeX of which MathML or typst gets nothing, and tables of lines that are a formula as a whole.
local LOST = pandoc.List { "boxed", "cancel", "color", "hspace", "mspace", "enspace" }
local WHOLE = pandoc.List { "align", "aligned", "equation", "gather", "gathered", "multline", "split" }
local MARKDOWN = "markdown+autolink_bare_uris"

local book               -- what document.py gives
local is_html, is_notebook, is_paper
local gap                -- between the word and the number of a reference
local file = "_quarto.yml" -- or the chapter's, for messages
local in_appendix = false
local chapter = ""       -- "1" or "A"
local counters = {}      -- of floats, equations and sections within the chapter
local targets = {}       -- id → what a reference to it says
local ids = {}           -- id → in how many places it stands
local titles = {}        -- a chapter's file → its title's id

local function html(text) return pandoc.RawBlock("html", text) end
local function typst(text) return pandoc.RawBlock("typst", text) end
-- Where a notebook is cut: at a "chapter", a "cell", one of its "outputs", the "text" after it.
local function mark(what) return html("<!-- mmn13 " .. what .. " -->") end

-- `about` is a text to look for where the line isn't known.
local function fail(about, message, line)
  local said = { file = file, about = about, message = message, line = line }
  io.stderr:write(pandoc.json.encode(said))
  os.exit(3)
end

local function register(id, says)
  if targets[id] then fail(id, id .. " is defined twice") end
  targets[id] = says
end

local function count(kind, id)
  counters[kind] = (counters[kind] or 0) + 1
  local number = string.format(chapter == "" and "%s%d" or "%s.%d", chapter, counters[kind])
  register(id, KINDS[kind] .. gap .. number)
  return number
end

local function float_kind(id) return id:match("^(fig)%-") or id:match("^(tbl)%-") end

-- First: reading.

-- Call a function of pandoc; list what it complains about.
local function listen(call, ...)
  local said, result = pandoc.log.silence(call, ...)
  local complaints = pandoc.json.decode(pandoc.json.encode(said), false)
  return result, complaints:filter(function(message) return message.verbosity == "WARNING" end)
end

-- TeX that pandoc reads, and of which the PDF or the page would show something else.
local function check_tex(tex, text)
  local line = tex:gsub("\\\\", "\n") -- \\ is a new line, and in \\& no \&
  for command in line:gmatch("\\(%a+)") do
    if LOST:includes(command) then fail(tex, "PDF or page lose what \\" .. command .. " does") end
  end
  if line:match("\\&") then fail(tex, "the PDF loses \\&: write \\text{and}") end
  if line:match("\\left%.") or line:match("\\right%.") then
    fail(tex, "a bracket without its other half stays small in the PDF: write cases, or \\Big|")
  end
  local rest = line:gsub("\\begin{[pbBvV]matrix}", ""):gsub("\\begin{cases}", "")
    :gsub("\\left%S-%s*\\begin{matrix}", ""):gsub("\\left%S-%s*\\begin{array}{c+}", "")
  local before, name = rest:match("^(.-)\\begin{(%a+)")
  if name and (before:match("%S") or not WHOLE:includes(name) or rest:match("\\begin.*\\begin")) then
    fail(tex, "the PDF spoils " .. name .. " here: within a formula write cases, pmatrix or bmatrix")
  end
  for row in (text:gsub("%b()", "") .. "\\\n"):gmatch("(.-)\\\n") do
    if row:match("&.*&") then fail(tex, "the PDF has no gap between columns: one & a line, and \\quad") end
  end
end

-- A formula in typst's words; what pandoc can't read for these, it can't read for MathML either.
local function drawn(math)
  local text, complaints = listen(pandoc.write, pandoc.Pandoc { pandoc.Plain { math } }, "typst")
  if #complaints > 0 then
    local unknown = complaints[1].message:match("control sequence \\(%a+)")
    fail(math.text, "pandoc can't read the TeX of this formula" .. (unknown and
      ", it knows no \\" .. unknown .. ": for a function write \\operatorname{" .. unknown .. "}" or ""))
  end
  check_tex(math.text, text)
  text = text:gsub("#h%(0em%)", "thick"):gsub("#h%(%-1em%)", "#h(-1em / 6)") -- \; and \!
  return (text:gsub("cases%b()", function(cases) return cases:gsub("&", "& quad") end):gsub("%s+$", ""))
end

-- The line of a chapter's first formula of its own that is empty, or ends at an empty line.
local function empty_formula(text)
  local line = 1
  for before, tex in text:gmatch("(.-)%$%$(.-)%$%$") do
    line = line + select(2, before:gsub("\n", ""))
    if not tex:match("%S") or tex:match("\n%s*\n") then return line end
    line = line + select(2, tex:gsub("\n", ""))
  end
end

-- The name in the project of a file that a chapter names: from its folder, or after "/".
local function in_project(name)
  local parts, full = pandoc.List {}, name:match("^/") and name or (file:match("^.*/") or "") .. name
  full = full:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  for part in full:gmatch("[^/]+") do
    if part == ".." then parts:remove() elseif part ~= "." then parts:insert(part) end
  end
  return table.concat(parts, "/")
end

local copies = 0
local function copy_image(image)
  local name, ending = in_project(image.src), image.src:lower():match("%.(%w+)$")
  if image.src:match("^%a[%w+.-]+:") or not IMAGES[ending] then
    fail(image.src, "the image " .. image.src .. " should be an svg, png, jpg or gif of the project")
  end
  if float_kind(image.identifier) then
    fail(image.src, "an image with a label has a caption, and a paragraph of its own")
  elseif not image.attributes["fig-alt"] and #image.caption == 0 then
    fail(image.src, "the image has no ![text] for those who can't see it")
  end
  copies = copies + 1
  image.src = string.format("%s-%d.%s", book.format, copies, ending)
  if not pcall(pandoc.system.copy, book.root .. "/" .. name, image.src) then
    fail(name:match("[^/]+$"), "there is no image " .. name)
  end
  return image
end

local function check_raw(raw)
  if raw.format:match("tex") then fail(raw.text, "this LaTeX is no formula: write it between $ or $$") end
  if raw.text:match("^</?%a[^>]*>%s*$") then
    fail(raw.text, "the PDF and the notebook lose the HTML " .. raw.text .. ": write Markdown")
  end
  if is_notebook and raw.format == "html" and not raw.text:match("^<!%-%-mmn13 ") then return {} end
end

local function read(text, line)
  local doc, complaints = listen(pandoc.read, text, MARKDOWN)
  for _, complaint in ipairs(complaints) do
    fail("", complaint.pretty:gsub("%.$", ""), line or (complaint.openpos or complaint).line)
  end
  if next(doc.meta) then fail("---", "settings belong into _quarto.yml", line) end
  return doc.blocks:walk {
    Image = copy_image, RawBlock = check_raw, RawInline = check_raw,
    Math = function(math)
      if not drawn(math):match("[^$%s]") then
        fail("$" .. math.text, "there is nothing in this formula", line or empty_formula(text))
      end
    end,
    Str = function(str)
      if str.text:match("^%$%$") then
        fail("$$", "$$ begins no formula: it has an empty line in it", line or empty_formula(text))
      end
    end,
  }
end

-- What a cell shows. For a notebook that is its place, and what it displays as Markdown.
local function read_cell(cell)
  local code, shown = pandoc.Blocks {}, pandoc.Blocks {}
  if is_notebook then shown:insert(mark("cell " .. cell.label)) end
  for _, part in ipairs(cell.parts) do
    if part.code then
      code:insert(pandoc.CodeBlock(part.code, { class = "python" }))
      if part.summary then
        local opening = html('<details class="code"' .. (part.open and " open" or "") .. "><summary>")
        local summary = { opening, pandoc.Plain(part.summary), html("</summary>") }
        code = pandoc.Blocks(summary) .. code .. { html("</details>") }
      end
    elseif part.image then
      shown:insert(pandoc.Para { pandoc.Image("", part.image, "", { ["fig-alt"] = part.alt }) })
    elseif part.output then shown:insert(pandoc.CodeBlock(part.output, { class = "output" }))
    else
      if is_notebook then shown:insert(mark(string.format("output %d", part.number))) end
      shown:extend(read(part.markdown, cell.line))
    end
  end
  if is_notebook then shown:insert(mark("text")) end
  if cell.caption then
    shown:insert(pandoc.Div(read(cell.caption, cell.line)))
    shown = pandoc.Blocks { pandoc.Div(shown, { id = cell.label }) }
  end
  return code .. shown
end

local function read_chapter(given)
  file = given.file
  local found = {}
  local blocks = read(given.text):walk {
    RawBlock = function(block)
      local number = tonumber(block.text:match("^<!%-%-mmn13 (%d+)%-%->"))
      found[number or 0] = true
      return number and read_cell(given.cells[number])
    end,
  }
  for number, cell in ipairs(given.cells) do
    if not found[number] then fail("", "a cell can't stand in a comment, or within a line", cell.line) end
  end
  local attributes = { class = "chapter-begins", file = file, appendix = tostring(given.appendix) }
  return pandoc.Blocks { pandoc.Div({}, attributes) } .. blocks
end

-- Second: numbers, and each format's form of what has one.

local seen, levels = { [true] = 0, [false] = 0 }, {} -- chapters or appendices; sections by level

local function number_header(header)
  local id, unnumbered = header.identifier, header.classes:includes("unnumbered")
  local says = pandoc.utils.stringify(header.content)
  if header.level == 1 then
    if titles[file] then fail("# " .. says, "a chapter has one title; its sections begin with ##") end
    counters, levels, chapter = {}, {}, ""
    titles[file] = id
    if not unnumbered then
      seen[in_appendix] = seen[in_appendix] + 1
      chapter = in_appendix and string.char(64 + seen[true]) or string.format("%d", seen[false])
    end
  end
  ids[id] = (ids[id] or 0) + 1
  if ids[id] > 1 then header.identifier = string.format("%s-%d", id, ids[id]) end
  local number = chapter
  if unnumbered or chapter == "" then
    header.classes:insert("unnumbered")
  else
    says = header.level > 1 and "Section" or in_appendix and "Appendix" or "Chapter"
    if header.level > 1 then
      levels[header.level] = (levels[header.level] or 0) + 1
      for level = header.level + 1, 6 do levels[level] = nil end
      for level = 2, header.level do number = string.format("%s.%d", number, levels[level] or 0) end
    end
    if is_notebook then header.content:insert(1, pandoc.Str(number .. " ")) end
    header.attributes.number = number
    says = says .. gap .. number
  end
  if id:match("^sec%-") then register(id, says) end
  return header
end

-- A formula of the paper, with its TeX for those who don't see it.
local function described(math, options, behind)
  local text = math.text:gsub('[\\"]', "\\%0"):gsub("%s+", " ")
  local block = tostring(math.mathtype == "DisplayMath")
  return pandoc.RawInline("typst", '#math.equation(block: ' .. block .. ', alt: "' .. text .. '"'
    .. options .. ", " .. drawn(math) .. ")" .. behind)
end

-- A formula of the page as a row of formulas, which breaks where they have a gap between them.
local function breakable(math)
  local parts, whole = pandoc.Inlines {}, true
  for tex in (math.text:gsub("\\q?quad%f[^%a]", "\0") .. "\0"):gmatch("(%Z*)%z") do
    local rest, counts = tex:gsub("\\[{}]", ""):gsub("%b{}", ""), {}
    for command in tex:gmatch("\\%a+") do counts[command] = (counts[command] or 0) + 1 end
    whole = whole and not rest:match("[{}]") and counts["\\begin"] == counts["\\end"]
      and counts["\\left"] == counts["\\right"]
    parts:insert(pandoc.Math(math.mathtype, tex))
  end
  return pandoc.Span(whole and parts or { math }, { class = "formula" })
end

local function write_equation(math, id)
  local number = count("eq", id)
  if is_html then
    local shown = pandoc.Span("(" .. number .. ")", { class = "number" })
    return pandoc.Span({ breakable(math), shown }, pandoc.Attr(id, { "equation" }))
  elseif is_paper then return described(math, ', numbering: _ => "(' .. number .. ')"', " <" .. id .. ">")
  else math.text = math.text:gsub("%s*$", "") .. " \\tag{" .. number .. "} " end
  return math
end

-- `$$ … $$ {#eq-x}`
local function number_equations(inlines)
  local result, i = pandoc.Inlines {}, 1
  while i <= #inlines do
    local item, after = inlines[i], i + 1
    if item.t == "Math" and item.mathtype == "DisplayMath" then
      while inlines[after] and (inlines[after].t == "Space" or inlines[after].t == "SoftBreak") do
        after = after + 1
      end
      local label = inlines[after] and inlines[after].t == "Str" and inlines[after].text or ""
      local id, rest = label:match("^{#(eq%-[%w%-_]+)}(.*)$")
      if id then
        item, i = write_equation(item, id), after
        if rest ~= "" then
          result:insert(item)
          item = pandoc.Str(rest)
        end
      end
    end
    result:insert(item)
    i = i + 1
  end
  return result
end

-- A figure, a captioned table or a cell's output.
local function write_float(id, content, caption)
  local kind = float_kind(id)
  local number = count(kind, id)
  local label = pandoc.Str(KINDS[kind] .. gap .. number .. ":")
  caption = pandoc.utils.blocks_to_inlines(caption)
  if is_notebook then
    caption = pandoc.Inlines { pandoc.Strong { label }, pandoc.Space() } .. caption
    return content .. { pandoc.Para(caption) }
  elseif is_html then
    caption = pandoc.Inlines { pandoc.Span(label, { class = "label" }), pandoc.Space() } .. caption
    local below = pandoc.Blocks { html("<figcaption>"), pandoc.Plain(caption), html("</figcaption>") }
    local opening = pandoc.Blocks { html(string.format('<figure id="%s" class="%s">', id, kind)) }
    content = kind == "tbl" and below .. content or content .. below
    return opening .. content .. { html("</figure>") }
  end
  local options = '], kind: "quarto-float-%s", supplement: "%s", numbering: _ => "%s", caption: '
    .. "figure.caption(position: %s, ["
  local position = kind == "tbl" and "top" or "bottom"
  return pandoc.Blocks { typst("#figure([") } .. content .. {
    typst(options:format(kind, KINDS[kind], number, position)),
    pandoc.Plain(caption),
    typst(string.format("])) <%s>", id)),
  }
end

local function begin_chapter(div)
  if div.classes[1] ~= "chapter-begins" then return false end
  file, in_appendix = div.attributes.file, div.attributes.appendix == "true"
  return true
end

-- A callout's title is an attribute, or the heading that it begins with.
local function set_title(div)
  local kind, title = div.classes[1]:match("^callout%-(%l+)$"), div.attributes.title
  if not kind or kind == "title" then return nil end
  if title then title = pandoc.utils.blocks_to_inlines(read(title))
  elseif div.content[1] and div.content[1].t == "Header" then title = div.content:remove(1).content
  else title = { pandoc.Str((kind:gsub("^%l", string.upper))) } end
  div.content:insert(1, pandoc.Div({ pandoc.Plain(title) }, { class = "callout-title" }))
  div.classes, div.attributes.title = { "callout", div.classes[1] }, nil
  return div
end

local numbering = {
  traverse = "topdown",
  Header = number_header,
  Inlines = number_equations,
  Div = function(div)
    if div.identifier and float_kind(div.identifier) then
      local content = div.content:clone()
      return write_float(div.identifier, content, content:remove().content)
    end
    return not begin_chapter(div) and div.classes[1] and set_title(div) or nil
  end,
  Figure = function(figure)
    if float_kind(figure.identifier) then
      return write_float(figure.identifier, figure.content, figure.caption.long)
    end
  end,
  Table = function(tbl)
    local long = tbl.caption.long
    local last = #long > 0 and long[#long].content or nil
    local label = last and #last > 0 and last[#last].t == "Str" and last[#last].text or ""
    local id = tbl.identifier ~= "" and tbl.identifier or label:match("^{#(tbl%-[%w%-_]+)}$")
    if id and float_kind(id) then
      if label:match("^{#") then last:remove() end
      tbl.caption, tbl.identifier = pandoc.Caption {}, ""
      return write_float(id, pandoc.Blocks { tbl }, long)
    end
  end,
}

-- Third: references, and what would stand in the text as it was typed.

local function reference(cite)
  local links, citations = pandoc.Inlines {}, cite.citations
  for _, citation in ipairs(citations) do
    local key, id = "@" .. citation.id, citation.id:gsub("^%u", string.lower)
    local says = targets[id]
    if KINDS[id:match("^(%a+)%-")] then
      if not says then fail(key, "nothing is labelled " .. id .. ", which the text refers to") end
      if #citation.prefix + #citation.suffix > 0 then
        fail(key, "Quarto drops words in brackets beside " .. key .. ": write them outside")
      end
      if citation.mode == "SuppressAuthor" then says = says:match(gap .. "(.*)$") or says end
      if #links > 0 then links:extend { pandoc.Str(","), pandoc.Space() } end
      local link = pandoc.Link(says, "#" .. id, "", { class = "cross-reference" })
      links:insert(is_notebook and pandoc.Str(says) or link)
    end
  end
  if #links == 0 then return nil end
  if #links < 3 * #citations - 2 then
    fail("@" .. citations[1].id, "references and citations need brackets of their own")
  end
  return links
end

-- A link goes to the web, or to a place in the book: its chapter's file may be named.
local function check_link(link)
  local name, id = link.target:match("^([^#]*)#?(.*)$")
  if link.target:match("^%a[%w+.-]+:") then return nil end
  if name ~= "" and id == "" then id = titles[in_project(name)] end
  if not id or not (targets[id] or ids[id] == 1 or id:match("^ref")) then
    fail(link.target, "the link to " .. link.target .. " leads to no chapter, and to no one place in one")
  end
  link.target = "#" .. id
  return link
end

local references = {
  traverse = "topdown",
  Div = function(div) begin_chapter(div) end,
  Cite = reference,
  Link = check_link,
  Str = function(str)
    local label = str.text:match("{#%l+%-[^}]*}?") or str.text:match("^#eq%-.*")
    local note = str.text:match("%[%^[^%]]+%]")
    local joined = str.text:match("[^/]@([%w%-_]+)")
    if targets[joined] then fail(str.text, "@" .. joined .. " needs a space before it, or brackets") end
    if str.text:match("^:::+$") then fail(str.text, "::: stands between empty lines") end
    if label then fail(label, label .. " is no label, which has letters, digits, - and _") end
    if note then fail(note, "the chapter has no footnote " .. note) end
  end,
}

-- Fourth: what only this format has.

-- A callout in a notebook; the cells in it stand between its parts.
local function quotation(content)
  local title = pandoc.Para { pandoc.Strong(content:remove(1).content) }
  local blocks, quoting = pandoc.Blocks { pandoc.BlockQuote { title } }, true
  for _, block in ipairs(content) do
    local cut = block.t == "RawBlock" and block.text:match("^<!%-%- mmn13 (%l+)")
    if cut then quoting = cut == "text" end
    if cut or not quoting then blocks:insert(block)
    elseif blocks[#blocks].t == "BlockQuote" then blocks[#blocks].content:insert(block)
    else blocks:insert(pandoc.BlockQuote { block }) end
  end
  return blocks
end

-- What a notebook's Markdown has no form for.
local for_notebook = {
  Div = function(div)
    if div.classes[1] == "callout" then return quotation(div.content) end
    if div.identifier == "refs" then return pandoc.BulletList(div.content) end
    return begin_chapter(div) and mark("chapter " .. file) or div.content
  end,
  Span = function(span) return span.content end,
  Link = function(link) return link.target:match("^#") and link.content or nil end,
  Note = function(note)
    local inlines = pandoc.utils.blocks_to_inlines(note.content)
    return pandoc.Inlines { pandoc.Str(" (") } .. inlines .. { pandoc.Str(")") }
  end,
}

local for_html = {
  traverse = "topdown", -- a formula's parts are left as they are
  Span = function(span)
    if span.classes[1] == "formula" then return span, false end
  end,
  Math = function(math)
    if math.mathtype == "DisplayMath" then return breakable(math), false end
  end,
  Div = function(div) return begin_chapter(div) and {} or nil end,
  Image = function(image)
    local alt = image.attributes["fig-alt"]
    if alt then image.caption, image.attributes["fig-alt"] = { pandoc.Str(alt) }, nil end
    return image
  end,
}

local appendices_begun = false

local for_paper = {
  Div = function(div)
    if begin_chapter(div) then
      local blocks = { typst("// in " .. file) } -- for messages
      if in_appendix and not appendices_begun then
        appendices_begun = true
        blocks[2] = typst('#show: appendices.with("Appendices", hide-parent: true)')
      end
      return blocks
    elseif div.classes[1] == "content-visible" then return {} -- in HTML, and in the notebook
    elseif div.identifier == "refs" then -- a list, and not paragraphs
      return { typst("#[#set block(spacing: .75em)"), div, typst("]") }
    elseif div.classes[1] == "callout" then
      local kind = div.classes[2]:match("%l+$")
      local called = pandoc.Blocks { typst("#callout(icon_color: callout-colors." .. kind .. ", title: [") }
      local title = div.content:remove(1).content
      return called .. title .. { typst("], body: [") } .. div.content .. { typst("])") }
    end
  end,
  Image = function(image) -- pandoc's own writer leaves the text out
    local alt = image.attributes["fig-alt"] or pandoc.utils.stringify(image.caption)
    local text = ', alt: "' .. alt:gsub('[\\"]', "\\%0"):gsub("%%", "%%%%") .. '"'
    local written = pandoc.write(pandoc.Pandoc { pandoc.Plain { image } }, "typst")
    return pandoc.RawInline("typst", (written:gsub('image%("[^"]*"', "%0" .. text):gsub("%s+$", "")))
  end,
  Math = function(math) return described(math, "", ";") end, -- those without a number
  -- a paragraph that ends on a colon stays on the page of what it announces
  Blocks = function(blocks)
    local result = pandoc.Blocks {}
    for _, block in ipairs(blocks) do
      local last = block.t == "Para" and block.content[#block.content]
      if last and last.t == "Str" and last.text:match(":$") then
        result:extend { typst("#block(sticky: true)["), block, typst("]") }
      else result:insert(block) end
    end
    return result
  end,
}

local function metadata()
  local meta = { keywords = book.keywords, ["link-citations"] = not is_notebook }
  for name, text in pairs(book.text) do meta[name] = text end
  for name, text in pairs(book.markdown) do
    meta[name] = pandoc.Inlines(pandoc.utils.blocks_to_inlines(read(text, 1)))
    if is_paper then meta[name] = meta[name]:walk { Math = for_paper.Math } end
  end
  -- the names that Quarto gives its templates
  meta["by-author"] = { { name = { literal = meta.author } } }
  meta.student = { id = meta["student-id"], video = meta.video }
  meta.link = { pandoc.Link(meta.video, meta.video, "", { class = "uri" }) }
  return meta
end

function Reader(sources)
  book = pandoc.json.decode(tostring(sources), false)
  is_html, is_notebook, is_paper = book.format == "html", book.format == "notebook", book.format == "typst"
  gap = is_notebook and " " or "\u{a0}"
  local doc = pandoc.Pandoc({}, metadata())
  for _, given in ipairs(book.chapters) do doc.blocks:extend(read_chapter(given)) end
  doc.blocks = doc.blocks:walk(numbering):walk(references)
  if is_notebook then doc = pandoc.utils.citeproc(doc) end -- before its form is simplified
  doc.blocks = doc.blocks:walk(is_notebook and for_notebook or is_html and for_html or for_paper)
  return doc
end
