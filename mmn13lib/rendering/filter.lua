-- What Quarto adds to pandoc, as far as the chapters use it: numbers by chapter, cross-references,
-- callouts; for HTML, for typst and for a notebook. It runs before citeproc, which would take
-- @fig-x for a citation.

local KINDS = { fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section" }
local is_html = FORMAT:match("html") ~= nil
local is_notebook = FORMAT:match("commonmark") ~= nil
local gap = is_notebook and " " or "\u{a0}" -- between the word and the number of a reference

local file = "?"         -- the chapter, for messages
local in_appendix = false
local chapter = ""       -- "1" or "A"
local counters = {}      -- of floats, equations and sections within the chapter
local targets = {}       -- id → what a reference to it says

local function html(text) return pandoc.RawBlock("html", text) end
local function typst(text) return pandoc.RawBlock("typst", text) end
-- Where a notebook is cut: at a "chapter", a "cell", one of its "outputs", the "text" after it.
local function mark(what) return html("<!-- mmn13 " .. what .. " -->") end

local function fail(message) error(file .. ": " .. message .. ".", 0) end

local function within_chapter(number)
  return chapter == "" and string.format("%d", number) or string.format("%s.%d", chapter, number)
end

local function register(id, says)
  if targets[id] then fail(id .. " is defined twice") end
  targets[id] = says
end

local function count(kind, id)
  counters[kind] = (counters[kind] or 0) + 1
  local number = within_chapter(counters[kind])
  register(id, KINDS[kind] .. gap .. number)
  return number
end

local function float_kind(id) return id:match("^(fig)%-") or id:match("^(tbl)%-") end

-- First walk: numbers.

local chapters_seen, appendices_seen = 0, 0
local levels = {}

local function number_header(header)
  if header.level == 1 then
    counters, levels, chapter = {}, {}, ""
    if not header.classes:includes("unnumbered") then
      if in_appendix then
        appendices_seen = appendices_seen + 1
        chapter = string.char(64 + appendices_seen)
      else
        chapters_seen = chapters_seen + 1
        chapter = string.format("%d", chapters_seen)
      end
    end
  end
  local number = chapter
  if header.level > 1 and chapter ~= "" and not header.classes:includes("unnumbered") then
    levels[header.level] = (levels[header.level] or 0) + 1
    for level = header.level + 1, 6 do levels[level] = nil end
    for level = 2, header.level do
      number = string.format("%s.%d", number, levels[level] or 0)
    end
  end
  if number == "" or header.classes:includes("unnumbered") then
    header.classes:insert("unnumbered")
    if header.identifier:match("^sec%-") then
      register(header.identifier, pandoc.utils.stringify(header.content))
    end
  else
    if is_notebook then header.content:insert(1, pandoc.Str(number .. " ")) end
    header.attributes.number = number
    if header.identifier:match("^sec%-") then
      local word = "Section"
      if header.level == 1 then word = in_appendix and "Appendix" or "Chapter" end
      register(header.identifier, word .. gap .. number)
    end
  end
  return header
end

-- `$$ … $$ {#eq-x}` becomes a span that holds the maths and knows its number.
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
        local attributes = { number = count("eq", id) }
        item = pandoc.Span({ item }, pandoc.Attr(id, { "equation" }, attributes))
        i = after
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

-- A figure, a captioned table or a cell's output becomes a div that knows number and caption.
local function float(id, content, caption)
  local kind = float_kind(id)
  local attributes = { number = count(kind, id) }
  return pandoc.Div({
    pandoc.Div(content, pandoc.Attr("", { "content" })),
    pandoc.Div(caption, pandoc.Attr("", { "caption" })),
  }, pandoc.Attr(id, { "float", kind }, attributes))
end

local numbering = {
  traverse = "topdown",
  Header = number_header,
  Inlines = number_equations,
  Div = function(div)
    if div.classes:includes("chapter-begins") then
      file = div.attributes.file
      in_appendix = div.attributes.appendix == "true"
      return nil
    end
    if not div.classes:includes("float") and float_kind(div.identifier) then
      local content = div.content:clone()
      return float(div.identifier, content, { content:remove() })
    end
  end,
  Figure = function(figure)
    if float_kind(figure.identifier) then
      return float(figure.identifier, figure.content, figure.caption.long)
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
      return float(id, { tbl }, long)
    end
  end,
}

-- Second walk: references.

local function reference(cite)
  local links = pandoc.Inlines {}
  for _, citation in ipairs(cite.citations) do
    if not KINDS[citation.id:match("^(%a+)%-") or ""] then return nil end
    local says = targets[citation.id]
    if not says then fail("nothing is labelled " .. citation.id .. ", which the text refers to") end
    if citation.mode == "SuppressAuthor" then says = says:match(gap .. "(.*)$") or says end
    if #links > 0 then links:extend { pandoc.Str(","), pandoc.Space() } end
    local link = pandoc.Link(says, "#" .. citation.id, "", { class = "cross-reference" })
    links:insert(is_notebook and pandoc.Str(says) or link)
  end
  return links
end

local references = {
  traverse = "topdown",
  Div = function(div)
    if div.classes:includes("chapter-begins") then file = div.attributes.file end
  end,
  Cite = reference,
}

-- A notebook has citations in its cells' code as well, so it can't leave them to citeproc, which
-- runs later. In code, "@fig-x" and "[@key]" become their words, an equation's label its tag, and
-- of a callout the title stays.
local function resolve_cells(doc)
  local everything = { pandoc.Cite({}, { pandoc.Citation("*", "NormalCitation") }) }
  local all = pandoc.Pandoc({}, { bibliography = doc.meta.bibliography, nocite = everything })
  local known = {}
  for _, entry in ipairs(pandoc.utils.references(all)) do known[entry.id] = true end
  local function words(text)
    local id = text:match("@([%w_:%-]*%w)")
    if not targets[id] and not known[id] then return nil end
    local blocks = pandoc.read(text, "markdown").blocks:walk { Cite = reference }
    return pandoc.utils.stringify(pandoc.utils.citeproc(pandoc.Pandoc(blocks, doc.meta)).blocks[1])
  end
  local function tag(open, id, close)
    return targets[id] and "\\tag" .. open .. targets[id]:match("[%w.]+$") .. close .. " $$"
  end
  doc.blocks = doc.blocks:walk {
    CodeBlock = function(block)
      if not block.classes:includes("source") then return nil end
      block.text = block.text:gsub("%$%$%s*({+)#(eq%-[%w%-_]+)(}+)", tag)
        :gsub("%[[^%[%]\"']*@[^%[%]\"']*%]", words):gsub("@[%a][%w_:%-]*%w", words)
        :gsub('::: {+%.callout%-%l+ title="([^"]*)"}+', "**%1**"):gsub(":::+", "")
      return block
    end,
  }
  return pandoc.utils.citeproc(doc)
end

-- Third walk: the format's own form of floats, equations and callouts.

local function write_float(div)
  local kind = div.classes[2]
  local content, caption = div.content[1].content, pandoc.utils.blocks_to_inlines(div.content[2].content)
  local label = KINDS[kind] .. gap .. div.attributes.number .. ":"
  if is_notebook then
    content:insert(pandoc.Para(pandoc.Inlines { pandoc.Strong(label), pandoc.Space() } .. caption))
    return content
  end
  if is_html then
    caption = pandoc.Inlines { pandoc.Span(label, { class = "label" }), pandoc.Space() } .. caption
    local figcaption = { html("<figcaption>"), pandoc.Plain(caption), html("</figcaption>") }
    local blocks = pandoc.Blocks { html(string.format('<figure id="%s" class="%s">', div.identifier, kind)) }
    if kind == "tbl" then blocks:extend(figcaption) end
    blocks:extend(content)
    if kind == "fig" then blocks:extend(figcaption) end
    blocks:insert(html("</figure>"))
    return blocks
  end
  local blocks = pandoc.Blocks { typst("#figure([") }
  blocks:extend(content)
  blocks:extend {
    typst(string.format('], kind: "quarto-float-%s", supplement: "%s", numbering: _ => "%s",',
      kind, KINDS[kind], div.attributes.number)),
    typst(string.format("caption: figure.caption(position: %s, [", kind == "tbl" and "top" or "bottom")),
    pandoc.Plain(caption),
    typst(string.format("])) <%s>", div.identifier)),
  }
  return blocks
end

-- A formula of the paper, with its TeX for those who don't see it.
local function described(math, options, behind)
  local drawn = pandoc.write(pandoc.Pandoc { pandoc.Plain { math } }, "typst"):gsub("%s+$", "")
  local text = math.text:gsub('[\\"]', "\\%0"):gsub("%s+", " ")
  local block = tostring(math.mathtype == "DisplayMath")
  return pandoc.RawInline("typst", '#math.equation(block: ' .. block .. ', alt: "' .. text .. '"'
    .. options .. ", " .. drawn .. ")" .. behind)
end

local function write_equation(span)
  local number = "(" .. span.attributes.number .. ")"
  if is_notebook then
    local formula = span.content[1].text:gsub("%s*$", "")
    span.content[1].text = formula .. " \\tag{" .. span.attributes.number .. "} "
    return span.content
  end
  if is_html then
    span.content:insert(pandoc.Span(number, { class = "number" }))
    span.attributes.number = nil
    return span
  end
  return { described(span.content[1], ', numbering: _ => "' .. number .. '"', " <" .. span.identifier .. ">") }
end

-- A callout in a notebook; the cells in it stand between its parts.
local function quotation(title, content)
  local blocks = pandoc.Blocks { pandoc.BlockQuote { pandoc.Para { pandoc.Strong(title) } } }
  local quoting = true
  for _, block in ipairs(content) do
    local cut = block.t == "RawBlock" and block.text:match("^<!%-%- mmn13 (%l+)")
    if cut then quoting = cut == "text" end
    if cut or not quoting then blocks:insert(block)
    elseif blocks[#blocks].t == "BlockQuote" then blocks[#blocks].content:insert(block)
    else blocks:insert(pandoc.BlockQuote { block }) end
  end
  return blocks
end

-- A cell in a notebook: its code, then what it displays as Markdown.
local function write_cell(div)
  local blocks = pandoc.Blocks { mark("cell " .. div.attributes.label) }
  for _, block in ipairs(div.content) do
    if block.t == "Div" then
      blocks:insert(mark("output " .. block.attributes.number))
      blocks:extend(block.content)
    else blocks:insert(block) end
  end
  blocks:insert(mark("text"))
  return blocks
end

local function write_callout(div, kind)
  local title = div.attributes.title or (kind:sub(1, 1):upper() .. kind:sub(2))
  local inlines = pandoc.utils.blocks_to_inlines(pandoc.read(title, "markdown").blocks)
  if is_notebook then return quotation(inlines, div.content) end
  if is_html then
    div.classes = { "callout", "callout-" .. kind }
    div.attributes.title = nil
    div.content:insert(1, pandoc.Div({ pandoc.Plain(inlines) }, { class = "callout-title" }))
    return div
  end
  local called = "#callout(icon_color: callout-colors." .. kind .. ", title: ["
  local blocks = pandoc.Blocks { typst(called), pandoc.Plain(inlines), typst("], body: [") }
  blocks:extend(div.content)
  blocks:insert(typst("])"))
  return blocks
end

local appendices_begun = false

local function write_chapter_begins(div)
  if is_notebook then return mark("chapter " .. div.attributes.file) end
  if is_html or appendices_begun or div.attributes.appendix ~= "true" then return {} end
  appendices_begun = true
  return typst('#show: appendices.with("Appendices", hide-parent: true)')
end

local writing = {
  Div = function(div)
    if div.classes:includes("chapter-begins") then return write_chapter_begins(div) end
    if div.classes:includes("float") then return write_float(div) end
    if div.classes:includes("cell") then return write_cell(div) end
    if div.identifier == "refs" and FORMAT == "typst" then -- a list, and not paragraphs
      return { typst("#[#set block(spacing: .75em)"), div, typst("]") }
    end
    for _, class in ipairs(div.classes) do
      local kind = class:match("^callout%-(%a+)$")
      if kind then return write_callout(div, kind) end
    end
  end,
  Span = function(span)
    if span.classes:includes("equation") then return write_equation(span) end
  end,
  Image = function(image)
    local alt = image.attributes["fig-alt"]
    if alt then
      if FORMAT == "typst" then -- pandoc's own writer leaves the text out
        local text = alt:gsub('[\\"]', "\\%0")
        return pandoc.RawInline("typst", ('#box(image("%s", alt: "%s"))'):format(image.src, text))
      end
      image.caption, image.attributes["fig-alt"] = { pandoc.Str(alt) }, nil
    end
    return image
  end,
}

-- What a notebook's Markdown has no form for.
local simplifying = {
  Div = function(div)
    if div.identifier == "refs" then return pandoc.BulletList(div.content) end
    return div.content
  end,
  Span = function(span) return span.content end,
  Link = function(link) return link.target:match("^#") and link.content or nil end,
  Note = function(note)
    local inlines = pandoc.utils.blocks_to_inlines(note.content)
    return pandoc.Inlines { pandoc.Str(" (") } .. inlines .. { pandoc.Str(")") }
  end,
}

-- On paper, a paragraph that ends on a colon stays on the page of what it announces.
local function keep_with_next(blocks)
  local result = pandoc.Blocks {}
  for _, block in ipairs(blocks) do
    local last = block.t == "Para" and block.content[#block.content]
    if last and last.t == "Str" and last.text:match(":$") then
      result:extend { typst("#block(sticky: true)["), block, typst("]") }
    else result:insert(block) end
  end
  return result
end

function Pandoc(doc)
  -- given as text and not as Markdown; under the names that Quarto gives its templates
  doc.meta["by-author"] = { { name = { literal = doc.meta.author } } }
  doc.meta.student = { id = doc.meta["student-id"], video = doc.meta.video }
  local address = pandoc.utils.stringify(doc.meta.video or "")
  doc.meta.link = pandoc.MetaInlines { pandoc.Link(address, address, "", { class = "uri" }) }
  if is_notebook then -- what is played with in a browser; the marks come later
    doc.blocks = doc.blocks:walk { RawBlock = function(raw) return raw.format == "html" and {} or nil end }
  end
  doc.blocks = doc.blocks:walk(numbering)
  doc.blocks = doc.blocks:walk(references)
  if is_notebook then doc = resolve_cells(doc) end
  doc.blocks = doc.blocks:walk(writing)
  if FORMAT == "typst" then -- the formulas without a number
    doc.blocks = doc.blocks:walk { Math = function(math) return described(math, "", ";") end }
    doc.blocks = doc.blocks:walk { Blocks = keep_with_next }
  end
  if is_notebook then doc.blocks = doc.blocks:walk(simplifying) end
  return doc
end
