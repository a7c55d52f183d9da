# Batches, and the import of a seed file.

batches-title = Batches
batches-import = Import
batches-search = Search batches
batches-search-now = Search
batches-none = No batch here yet.
    .text = Import the seed file that came with your tokens: its format is recognised.
batches-batch = Batch
batches-what = What
batches-tokens = Tokens
batches-state = State
batches-on = On
batches-unconfirmed = Not confirmed
batches-imported = Imported
batches-in-stock = In stock
batches-on-resource = On a resource

batch-title = Batch { $name }
batch-words = { $count ->
    [one] 1 token, imported { $imported }.
   *[other] { $shown } tokens, imported { $imported }.
    }
batch-where = Where the tokens are
batch-custody = Custody
batch-tokens = Tokens
batch-tokens-there = tokens { $custody }
batch-or-more = { $count } or more
batch-origin = Where it came from
batch-came-from = Came from
batch-imported = Imported
batch-import = Import
batch-give = Give to a resource
batch-resource = Resource
batch-serials = Serials
    .hint = Left empty: the whole batch. Otherwise ranges (87-1234001 to 87-1234100) or a pasted or scanned list, one on each line.
batch-preview = { $free ->
    [one] 1 token would stand on { $resource }.
   *[other] { $free-shown } tokens would stand on { $resource }.
    }
    .text = { $standing ->
    [0] None of them stands on another resource.
    [one] 1 token stands somewhere already and would stay there.
   *[other] { $standing-shown } tokens stand somewhere already and would stay there.
    }
batch-show-changes = Show what would change
batch-give-these = Give these tokens
batch-unchanged = Nothing was changed.
batch-on = On these resources
batch-whole = the whole batch
batch-part = a part of it
batch-take-back = Take back
batch-from = from { $resource }

import-title = Import
import-steps = Steps of the import
import-step-finished = finished:
import-step-file = File
import-step-plan = Plan
import-step-done = Done

import-file = The vendor's seed file
    .hint = PSKC, CSV and the vendors' own formats are recognised. Nothing is stored before you have seen the plan.
import-protected = The file is protected
    .spoken = This file is protected. Its passphrase is asked below.
import-passphrase = Passphrase
    .hint = Came apart from the file: by letter, by phone or in the vendor's portal.
import-key-file = or key file
import-batch = Name of the batch
    .hint = Left empty, the file's name is taken.
import-unsaid = Say what the file does not say
import-format = Format
import-recognise = Recognise it
import-as-file-says = As the file says
import-kind = Kind
import-hash = Hash
import-digits = Digits
import-step = Step
import-encoding = Secrets are written in
import-session-padding = Session data of OCRA tokens
    .unsaid = As set for the token before; of a new one, filled up with zeros on the left
import-allow = Allow what is usually refused
import-allow-short = Secrets of 80 to 111 bits
import-allow-test = Secrets known from examples
import-allow-unchecked = Encrypted files without a check value
import-read = Read the file
import-to-batches = Back to the batches
import-not-read = The file was not read.
    .text = { $problem } Choose the file again. Nothing has been stored.

import-reading = Reading the file
    .hint = You may leave this page; the plan waits for you under this address for 24 hours.
    .left = { $time } left
    .done = Done.
    .stopped = Stopped.
    .offline = The connection is gone; trying again.

import-plan = { $file }: { $counts }.
import-by-passphrase = opened with its passphrase
import-by-key = opened with its key
import-sort = { $count ->
    [one] 1 { $kind } token
   *[other] { $shown } { $kind } tokens
    }
import-sort-of-model = { $tokens } of { $model }
import-sorts = { $others } and { $last }
import-count-new = { $count } new
import-count-identical = { $count } already here
import-count-conflicts = { $count } in conflict
import-count-rejected = { $count } rejected
import-assumed = Assumed
import-assumptions = Assumed, because the file does not say
    .hint = Is one of these not right? Drop this plan and read the file again with the right value under
import-lines = Lines that need your eyes
import-line = Line
import-column = Column
import-serial = Serial
import-verdict = Verdict
import-why = Why, and what to do
import-new = New
import-identical = Already here
import-conflict = Conflict
import-rejected = Rejected
import-first-lines = The first 1,000 lines are shown.
import-all = { $count ->
    [one] Import 1 token
   *[other] Import { $shown } tokens
    }
import-good = { $count ->
    [one] Import the good one
   *[other] Import the { $shown } good ones
    }
import-replace = { $count ->
    [one] Give 1 conflicting token the file's secret
   *[other] Give { $shown } conflicting tokens the file's secret
    }
import-drop = Drop the plan
import-kept-until = The plan is kept until { $until }.

import-done = { $count ->
    [one] 1 token is here.
   *[other] { $shown } tokens are here.
    }
    .text = Batch { $batch }.
import-next = What next?
import-give = Give them to a resource
import-sample = Check a sample
import-slips = Print slips
import-undo = Undo the import
    .hint = Wrong file? It can be taken back until one of its tokens is checked, confirmed or handed out.
import-nothing-new = Nothing to import.
    .text = { $count ->
    [one] 1 token is here already.
   *[other] { $shown } tokens are here already.
    }
import-failed = Nothing was imported.
import-gone = This import was dropped.
    .text = None of its tokens is here.
import-another = Import a file
