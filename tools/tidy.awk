# The rules of tools/tidy. Reads the table of calls, then all sources; prints "file:line: rule: what is wrong;
# what to write instead". A file is first taken apart into code and comments, line by line, so that no rule
# trips over a word in a text. Then each rule looks at it as a whole; what concerns several files (is a
# function tested?) comes at the very end.
#
# An exemption is a comment on the line it is for, or on a line of its own before it:  tidy: rule: reason
# One without a reason is a breach, and so is one that exempts nothing.

function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }

function report(where, rule, text) {
    if ((where, rule) in exempt) { used[where, rule] = 1; return }
    print where ": " rule ": " text
    breaches++
}
function breach(at, rule, text) { report(file ":" at, rule, text) }

# ---- the table of calls ------------------------------------------------------------------------------

function read_table(name,    row, cell, place, places, names, i, j, n) {
    while ((getline row < name) > 0) {
        if (row ~ /^ *(#|$)/) continue
        split(row, cell, "|")
        places = split(cell[1], place, " ")
        n = split(cell[2], names, " ")
        for (i = 1; i <= n; i++)
            for (j = 1; j <= places; j++)
                add_call(place[j], names[i], trim(cell[3]))
    }
}
function add_call(place, name, other) {
    if (sub(/\*$/, "", name)) {
        beginning[++beginnings] = name
        begins_in[beginnings] = place
        begins_instead[beginnings] = other
    } else {
        instead[place, name] = other
    }
}
function instead_of(where, name,    i) {
    if ((where, name) in instead) return instead[where, name]
    if (("all", name) in instead && where != "sh") return instead["all", name]
    for (i = 1; i <= beginnings; i++)
        if (begins_in[i] == where && index(name, beginning[i]) == 1) return begins_instead[i]
    return ""
}
function where_is(name) {
    if (name ~ /\.sh$/) return "sh"
    if (name ~ /^src\/sys\//) return "sys"
    if (name ~ /^src\//) return "above"
    sub(/\/.*/, "", name)
    return name
}

# ---- a file, taken apart -----------------------------------------------------------------------------

# code[n]: the line without comments, and texts and characters empty; note[n]: what its comments say.
function take_apart(line, n,    at, quote, what) {
    code[n] = note[n] = ""
    while (line != "") {
        if (in_comment) {
            at = index(line, "*/")
            note[n] = note[n] (at ? substr(line, 1, at - 1) : line) " "
            if (!at) return
            in_comment = 0
            line = substr(line, at + 2)
        } else if (match(line, /["']|\/\*|\/\//)) {
            what = substr(line, RSTART, RLENGTH)
            code[n] = code[n] substr(line, 1, RSTART - 1)
            line = substr(line, RSTART + RLENGTH)
            if (what == "/*") { in_comment = 1; continue }
            if (what == "//") { note[n] = note[n] line; return }
            code[n] = code[n] what what
            while (line != "" && (quote = substr(line, 1, 1)) != what)
                line = substr(line, quote == "\\" ? 3 : 2)
            line = substr(line, 2)
        } else {
            code[n] = code[n] line
            return
        }
    }
}
function take_apart_script(line, n) {
    code[n] = note[n] = ""
    if (match(line, /(^|[ \t])#/)) { note[n] = substr(line, RSTART + RLENGTH); line = substr(line, 1, RSTART - 1) }
    code[n] = line
}

function find_exemptions(    n, text, rule, to) {
    for (n = 1; n <= lines; n++) {
        if (!match(note[n], /^ *tidy: */)) continue
        text = substr(note[n], RLENGTH + 1)
        rule = text
        sub(/[^a-z].*/, "", rule)
        to = n
        if (trim(code[n]) == "")
            for (to = n + 1; to < lines && trim(code[to]) == ""; to++);
        exempt[file ":" to, rule] = file ":" n
        sub(/^[a-z]*:? */, "", text)
        if (trim(text) == "") breach(n, "exemption", "says no reason; write: tidy: " rule ": why it has to be so here")
    }
}

# ---- rules for one file ------------------------------------------------------------------------------

function check_size() {
    if (lines > MOST_LINES)
        breach(1, "file", lines " lines, " MOST_LINES " are allowed; make two files of it, each with one story to tell")
}

function check_width(    n) {
    if (file !~ /^(src|include|sim)\//) return
    for (n = 1; n <= lines; n++)
        if (length(text[n]) > MOST_COLUMNS)
            breach(n, "width", length(text[n]) " columns, " MOST_COLUMNS " are allowed; break the line")
}

# A function begins where its declaration does, has its braces in the first column, and ends at the second.
function check_functions(    n, first, body, directive) {
    for (n = 1; n <= lines; n++) {
        if (body) {
            if (code[n] !~ /^}/) continue
            if (n - first + 1 > MOST_IN_FUNCTION)
                breach(first, "function", n - first + 1 " lines, " MOST_IN_FUNCTION " are allowed; give its " \
                    "parts names, as functions of their own")
            note_function(first, body, n)
            first = body = 0
        } else if (directive || code[n] ~ /^[ \t]*#/) {
            directive = text[n] ~ /\\$/
            first = 0
        } else if (code[n] ~ /^{/) {
            body = n
            if (!first) first = n
        } else if (first && code[n] ~ /\)[^=]*{ *$/ && code[n] !~ /=/) {
            breach(n, "brace", "a function's brace in a line of text; write it in a line of its own, or nobody " \
                "can tell how long the function is")
        } else if (code[n] ~ /^[ \t]*$/ || code[n] ~ /[;}{,] *$/ && code[n] !~ /\(/ || code[n] ~ /; *$/) {
            if (code[n] !~ /, *$/) first = 0
        } else if (!first && code[n] ~ /^[A-Za-z_]/) {
            first = n
            if (code[n] ~ /\)[^=]*{ *$/ && code[n] !~ /=/) n--
        }
    }
}

function check_calls(    n, line, name, before, where, better) {
    where = where_is(file)
    for (n = 1; n <= lines; n++) {
        line = code[n]
        before = ""
        while (match(line, where == "sh" ? "[A-Za-z_][A-Za-z0-9_]*" : "[A-Za-z_][A-Za-z0-9_]* *[(]")) {
            name = substr(line, RSTART, RLENGTH)
            before = before substr(line, 1, RSTART - 1)
            line = substr(line, RSTART + RLENGTH)
            sub(/ *\($/, "", name)
            if (where == "sh" ? before ~ /(^|[;&|({]|do|then|else) *$/ : before !~ /(\.|->|[0-9])$/)
                if ((better = instead_of(where, name)) != "")
                    breach(n, "call", name " is not to be called here; write " better)
            before = name
        }
    }
}

# ---- who may wait --------------------------------------------------------------------------------------

# A function may wait when it calls, by way of any others, the one that switches to another task. By names alone:
# of two functions that share one, both may wait if one may.
function note_function(first, body, last,    n, signature, name) {
    if (file !~ /^src\//) return
    for (n = first; n < body; n++) signature = signature " " code[n]
    gsub(/__attribute__ *\(\([^;]*\)\)/, "", signature)
    if (!match(signature, /[A-Za-z_][A-Za-z0-9_]*\(/)) return
    name = substr(signature, RSTART, RLENGTH - 1)
    for (n = body; n < last; n++) note_callees(name, code[n])
}
function note_callees(name, line,    callee) {
    while (match(line, /[A-Za-z_][A-Za-z0-9_]*\(/)) {
        callee = substr(line, RSTART, RLENGTH - 1)
        line = substr(line, RSTART + RLENGTH)
        callers[callee] = callers[callee] " " name
    }
}
function follow_callers(callee,    names, n, i) {
    n = split(callers[callee], names, " ")
    for (i = 1; i <= n; i++)
        if (!(names[i] in may_wait)) {
            may_wait[names[i]] = 1
            follow_callers(names[i])
        }
}

# ---- public functions --------------------------------------------------------------------------------

function is_note_only(n) { return trim(code[n]) == "" && note[n] != "" }

# Whatever is said of line n: in its group, a run of lines without an empty one, and by the comment above it.
function said_of(n,    all, at) {
    for (at = n; at > 0 && !is_note_only(at) && text[at] !~ /^ *$/; at--) all = all note[at]
    if (at == 0 || !is_note_only(at) || note[at] ~ /^ ----/) return ""
    for (; at > 0 && is_note_only(at); at--) all = note[at] " " all
    return all
}
function opening(    n, all) {
    for (n = 1; n <= lines && is_note_only(n); n++) all = all note[n] " "
    return all
}
function speaks_of_waiting(text) { return text ~ /[Cc]heckpoint|[Dd]oes not block|blocks / }

function note_public(    n, line, name, to) {
    if (file !~ /^include\//) return
    general = opening() ~ /None of the [a-z ]*is a checkpoint/
    for (n = 1; n <= lines; n++) {
        if (code[n] ~ /^# *define +tr_[a-z_]+\(/) {
            name = code[n]
            gsub(/^# *define +|\(.*/, "", name)
            said[name] = said_of(n)
        }
        if (code[n] !~ /^TR_API / || code[n] ~ /^TR_API extern/) continue
        line = code[n]
        for (to = n; line !~ /;/ && to < lines; ) line = line code[++to]
        sub(/^TR_API /, "", line)
        if (!match(line, /[A-Za-z_][A-Za-z0-9_]*\(/)) continue
        name = substr(line, RSTART, RLENGTH - 1)
        public_at[name] = file ":" n
        said[name] = said_of(n)
        told[name] = general
    }
}
# What a user writes for a function of this name: tr_call for tr_call_.
function face_of(name) { sub(/_$/, "", name); return name }

function check_documented(    name, all) {
    follow_callers(SWITCH)
    for (name in public_at) {
        all = said[name] " " said[face_of(name)]
        if (trim(all) == "")
            report(public_at[name], "documented", name " has no comment above it or its group; say what it " \
                "does, who owns what, which errors, and whether it is a checkpoint")
        else if (name in may_wait && !told[name] && !speaks_of_waiting(all))
            report(public_at[name], "checkpoint", name " may wait, and its comment does not say so; say in " \
                "which cases it is a checkpoint, or that it is none")
    }
}

# What a macro's text mentions, and calls; and what tests and examples call.
function note_macros(    n, name, body) {
    if (file !~ /^(include|src)\//) return
    for (n = 1; n <= lines; n++) {
        if (!match(code[n], /^# *define +[A-Za-z_][A-Za-z0-9_]*/)) continue
        name = substr(code[n], RSTART, RLENGTH)
        sub(/^# *define +/, "", name)
        body = substr(code[n], RSTART + RLENGTH)
        while (text[n] ~ /\\$/ && n < lines) body = body " " code[++n]
        if (file ~ /^include\//) macro[name] = macro[name] " " body
        note_callees(name, body)
    }
}
function note_calls(    n, line, name) {
    if (file !~ /^(tests|examples)\//) return
    for (n = 1; n <= lines; n++) {
        line = code[n]
        while (match(line, /tr_[a-z0-9_]*\(/)) {
            name = substr(line, RSTART, RLENGTH - 1)
            line = substr(line, RSTART + RLENGTH)
            called[name] = 1
            if (name == "tr_auto" && match(line, /^[a-z_]+/)) called["tr_" substr(line, 1, RLENGTH) "_done_"] = 1
        }
    }
}
# Macros that tests call mention what those use, to any depth.
function follow_macros(    again, name, line) {
    do {
        again = 0
        for (name in macro) {
            if (!(name in called || name in mentioned) || name in followed) continue
            followed[name] = again = 1
            line = macro[name]
            while (match(line, /[A-Za-z_][A-Za-z0-9_]*/)) {
                mentioned[substr(line, RSTART, RLENGTH)] = 1
                line = substr(line, RSTART + RLENGTH)
            }
        }
    } while (again)
}
function check_tested(    name, face) {
    follow_macros()
    for (name in public_at) {
        face = face_of(name)
        if (!(name in called || (face in macro ? face in called : name in mentioned)))
            report(public_at[name], "tested", face " is called in no test and no example; write a test of what " \
                "its comment promises")
    }
}

function check_exemptions(    at, parts) {
    for (at in exempt)
        if (!(at in used)) {
            split(at, parts, SUBSEP)
            print exempt[at] ": exemption: nothing here breaks the rule \"" parts[2] "\"; remove it"
            breaches++
        }
}

# ---- the course of it ---------------------------------------------------------------------------------

function finish_file() {
    if (file == "") return
    find_exemptions()
    check_size()
    check_width()
    if (file !~ /\.sh$/) check_functions()
    check_calls()
    note_public()
    note_macros()
    note_calls()
}

BEGIN {
    MOST_IN_FUNCTION = 70
    MOST_LINES = 800
    MOST_COLUMNS = 120
    SWITCH = "fiber_switch"
    read_table(table)
}
FNR == 1 { finish_file(); file = FILENAME; in_comment = 0 }
{ lines = FNR; text[FNR] = $0; if (FILENAME ~ /\.sh$/) take_apart_script($0, FNR); else take_apart($0, FNR) }
END { finish_file(); check_documented(); check_tested(); check_exemptions(); exit breaches > 0 }
