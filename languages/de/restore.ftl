# Restore access, and the pages of the links in its mails.

restore-lead = Sie können sich nicht als { $login } anmelden?
restore-lead-say = Sagen Sie, was Sie nicht benutzen können, und die Leute, die { $place } betreuen, lassen Sie wieder ein, sobald sie wissen, dass Sie es sind.
restore-lost = Was können Sie nicht benutzen?
    .token = Mein Token oder das Telefon mit der App: verloren, kaputt, oder ich habe keines
    .password = Mein Passwort: vergessen, oder ich habe keines
    .email = Meine E-Mails: ich kann sie nicht lesen, oder es ist keine Adresse hinterlegt
    .hint = Kreuzen Sie auch an, was Sie nie hatten. Vom Rest fragen wir nach etwas.
problem-nothing-lost = Kreuzen Sie an, was Sie nicht benutzen können.

restore-have = Was haben Sie noch?
    .lead = Eines davon genügt. Lassen Sie leer, was Sie nicht zur Hand haben.
    .nothing = Wenn nichts davon greifbar ist, beginnen Sie von vorn und kreuzen Sie auch das an.
    .empty = Tippen Sie eines davon. Wenn keines greifbar ist, beginnen Sie von vorn und kreuzen Sie auch das an.
    .refused = Tippen Sie es noch einmal, oder lassen Sie leer, worin Sie nicht sicher sind. Von gemailten Codes passt nur der neueste, von einem Token der Code, den es jetzt zeigt.
restore-code = { mailed-code }
    .hint = Wenn eine E-Mail-Adresse hinterlegt ist, ist ein Code dorthin unterwegs. Er gilt zehn Minuten, auf dieser Seite und nirgends sonst.

restore-password = Ihr neues Passwort
    .lead = Es tritt an die Stelle des alten, wenn Ihr Antrag genehmigt ist. Niemand sieht es, auch wir nicht.
    .new = Neues Passwort
    .hint = Mindestens { $least } Zeichen: ein paar Wörter, die nur Sie zusammenstellen würden.
    .again = Noch einmal dasselbe
    .empty = Tippen Sie das neue Passwort.
    .differ = Die beiden sind nicht gleich: tippen Sie das neue Passwort noch einmal.
problem-password-short = Das Passwort hat { $typed } Zeichen, mindestens { $least } sind nötig.
problem-password-long = Das Passwort hat { $typed } Zeichen, höchstens { $most } passen.
problem-password-common = Dieses Passwort gehört zu den ersten, die probiert werden; nehmen Sie ein anderes.

restore-email = Ihre neue E-Mail-Adresse
    .lead = Bevor Ihr Antrag genehmigt ist, wird nichts dorthin geschickt. Dann kommt dort ein Link an; bis Sie ihn öffnen, bleibt die alte Adresse.
    .new = Neue E-Mail-Adresse

restore-send = Ihren Antrag absenden
    .lead = Sie bitten um Zugang als { $login }:
    .button = Antrag absenden
restore-asks =
    .token = Wenn Ihnen ein Token gehört, wird es abgeschaltet; Sie melden sich ohne es an und richten ein anderes ein.
    .password = Das Passwort, das Sie getippt haben, tritt an die Stelle des alten.
    .email = An { $to } wird ein Link geschickt; wenn Sie ihn öffnen, ist das Ihre Adresse.
restore-enough = Es waren vorerst genug Anträge.
    .text = Aus Ihrem Netz kamen viele Anträge. Warten Sie { $wait } bis zum nächsten.

restore-sent = Ihr Antrag hat eine Nummer
    .keep = Schreiben Sie sie auf
    .number = Nummer
    .next = Wie es weitergeht
restore-next-call = Rufen Sie die Leute an, die { $place } betreuen, oder gehen Sie hin, und lesen Sie ihnen die Nummer vor.
restore-next-identity = Man fragt Sie dort auf eigene Weise, wer Sie sind.
restore-next-two = Von hier aus konnten Sie nichts beweisen, deshalb müssen dort zwei zustimmen.
restore-next-two-wait = Von hier aus konnten Sie nichts beweisen, deshalb müssen dort zwei zustimmen, und der Antrag wirkt erst { $wait } später.
restore-next-link = Öffnen Sie dann den Link, der an Ihre neue Adresse kommt: er gilt einen Tag lang.
restore-next-sign-in = Melden Sie sich dann mit dem an, was Sie jetzt haben.
restore-next-found = Ist wieder da, was verloren war? Melden Sie sich wie gewohnt an: dann wird der Antrag gelöscht. Wenn niemand entscheidet, endet er nach 30 Tagen.
restore-start-again = Von vorn beginnen
restore-to-sign-in = Zurück zur Anmeldung

link-cancel = Ein Antrag auf Zugang
    .text = Jemand hat in Ihrem Namen um Zugang gebeten: { $when }, von der Netzadresse { $address }. Der Antrag hat die Nummer { $reference }.
    .button = Antrag zurückziehen
    .otherwise = Wenn Sie das waren, schließen Sie diese Seite: der Antrag bleibt.
link-cancelled = Der Antrag ist zurückgezogen
    .text = In Ihrem Namen ändert sich nichts. Wenn es wieder vorkommt, bitten Sie um Hilfe.
link-email = { restore-email }
    .text = { $to } wird Ihre E-Mail-Adresse für { $place }. Die alte wird benachrichtigt.
    .button = Diese Adresse verwenden
    .otherwise = Wenn Sie darum nicht gebeten haben, schließen Sie diese Seite: nichts ändert sich.
link-email-changed = Ihre E-Mail-Adresse ist geändert
    .text = Codes und Benachrichtigungen gehen ab jetzt dorthin. Beide Adressen werden benachrichtigt.
link-useless = Dieser Link gilt nicht mehr
    .text = Er wurde schon benutzt, er ist zu alt, oder wofür er da war, ist zu Ende.
