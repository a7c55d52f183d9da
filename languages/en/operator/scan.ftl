# Scanners in serial mode, devices that are laid on a reader, and the labels of boxes.

scan-connected = Scanner { $name }: connected.
scan-absent = Scanner { $name }: absent.
scan-fills = Listens to
scan-from-nothing = Nothing
scan-from-all = Scanners and readers
scan-from = Scanner { $name }
scan-from-readers = Readers

scan-no-token = No token here has the number { $serial }.
scan-no-serial = This label has no serial number. Scan the one with S/N.
scan-no-serial-article = This is the article number { $article }, no serial number. Scan the code with S/N.
scan-no-serial-batch = This label has no serial number: article { $article }, batch { $batch }. Scan the code with S/N.
scan-unknown-chip = No token here has the number { $serial }
    .text = { $what }, on { $reader }. Write it in a programming run, or import the file of its seeds.

scan-box = Box { $first } to { $last }
scan-box-empty = No token here lies between { $first } and { $last }.
scan-box-cut = There may be more.
scan-list = Label with { $count } numbers
scan-here = { $count ->
    [one] token of it is here.
   *[other] tokens of it are here.
    }
scan-not-here = Not here: { $serials }.
scan-and-more = { $count ->
    [one] 1 more
   *[other] { $shown } more
    }
scan-first-shown = { $count ->
    [one] The first one is shown.
   *[other] The first { $shown } are shown.
    }

desk-hand-out-to-now = Hand out to { $login }
