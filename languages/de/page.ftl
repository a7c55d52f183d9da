# What all pages share: the frame, codes, what is wrong.

page-skip = Zum Inhalt springen
page-about-store = Über diesen Datenspeicher
page-close-message = Diese Meldung schließen
page-demonstration = Vorführung: die Tokens und Personen hier sind erfunden.
page-rehearsal = Probe: Lesegeräte und Tokens sind hier simuliert.
page-reference = Kennung für den Administrator:
page-sign-out = Abmelden
page-language = Sprache
page-copy = Kopieren
page-copied = Kopiert
page-copy-by-key = Drücken Sie Strg+C
page-previous = Zurück
page-next = Weiter
page-pages = Seiten dieser Liste
page-to-start = Zur Startseite
page-to-sign-in = Zur Anmeldung
page-to-home = Zurück zu Ihrer Seite
page-continue = Weiter
page-self-service = Selbstbedienung
page-ask-whoever = Fragen Sie die Leute, die Ihnen diese Adresse gegeben haben.

page-nothing-here = Hier gibt es nichts
page-not-allowed = Das ist nicht erlaubt
page-not-signed-in = Sie sind nicht angemeldet
    .text = Melden Sie sich an und versuchen Sie es noch einmal.
page-not-now = Nicht jetzt
page-did-not-work = Das hat nicht funktioniert
page-nothing-changed = Es wurde nichts geändert
page-no-self-service = Unter dieser Adresse gibt es keine Selbstbedienung
    .text = Prüfen Sie die Adresse, die Sie bekommen haben, Buchstabe für Buchstabe, oder fragen Sie, wer sie Ihnen gegeben hat.
page-not-possible = Das geht hier nicht
    .text = Es wurde abgeschaltet, oder es ist nichts mehr zu tun.
page-too-old = Diese Seite ist zu alt
    .text = Laden Sie die Seite neu und wiederholen Sie, was Sie getan haben.
page-too-many = Zu viele Versuche zur gleichen Zeit
    .text = Warten Sie einen Moment und versuchen Sie es noch einmal.
page-changed-meanwhile = Inzwischen hat sich etwas geändert
    .text = Gehen Sie zurück zu Ihrer Seite und sehen Sie noch einmal nach.
page-form-broken = Das Formular kam nicht vollständig an
    .text = Laden Sie die Seite neu und wiederholen Sie, was Sie getan haben.
page-does-not-work = Das funktioniert gerade nicht
    .text = Es liegt nicht an Ihnen. Versuchen Sie es in ein paar Minuten noch einmal.

code = Code
code-first = Erster Code
code-next = Nächster Code
code-third = Der Code danach
code-nth = Code { $nth }
code-challenge = Tippen Sie zuerst das in das Token:
code-changed = Der Code hat gewechselt.
code-next-in = Nächster Code in { $secs } s
code-empty = Tippen Sie den Code, den das Token zeigt.
code-digits = Ein Code besteht nur aus Ziffern.
code-length = { $typed ->
    [one] Es wurde { $typed } Ziffer getippt. Tippen Sie alle Ziffern, die das Token zeigt.
   *[other] Es wurden { $typed } Ziffern getippt. Tippen Sie alle Ziffern, die das Token zeigt.
    }
code-all-digits = Tippen Sie alle Ziffern, die das Token zeigt, und nicht mehr.
code-hex = Ein Code dieses Tokens hat sechs Zeichen: 0 bis 9 und a bis f.
code-key = Ihr Schlüssel tippt den Code selbst: setzen Sie den Cursor hierher und berühren Sie ihn.
    .layout = So tippt kein Schlüssel: stellen Sie die Tastatur auf Englisch um und berühren Sie ihn noch einmal.
code-same-twice = Das ist noch einmal derselbe Code: warten Sie, bis die Anzeige wechselt, oder drücken Sie noch einmal.
code-next-too = Tippen Sie auch den nächsten Code.

problem-too-long = Das ist zu lang: höchstens { $max } Zeichen passen.
problem-character = Das Zeichen an der Stelle { $position } ist hier nicht erlaubt.
problem-login-empty = Tippen Sie Ihren Anmeldenamen.
problem-serial-number-empty = Tippen Sie die Seriennummer.
problem-serial-number-form = Eine Seriennummer besteht nicht nur aus Leerzeichen und Strichen.
problem-e-mail-address-empty = Tippen Sie die E-Mail-Adresse.
problem-e-mail-address-form = Eine E-Mail-Adresse sieht aus wie name@example.org.
problem-phone-number-empty = Tippen Sie die Telefonnummer.
problem-phone-number-form = Eine Telefonnummer hat ihre Ländervorwahl, wie +49 30 123456.

# What the frame says of requests that reach no page.
problem-not-found = Unter dieser Adresse gibt es nichts.
problem-method-not-allowed = Auf diese Weise lässt sich diese Adresse nicht aufrufen.
problem-path-malformed = Diese Adresse ist kein UTF-8-Text.
problem-foreign-origin = Diese Anfrage kam nicht von einer Seite dieses Dienstes.
problem-host-not-allowed = Dieser Dienst antwortet nicht unter diesem Hostnamen; er muss in allowed_hosts stehen.
problem-too-many-requests = Zu viele Anfragen zur gleichen Zeit.
problem-stale = Der Eintrag hat sich inzwischen geändert: versuchen Sie es noch einmal.
problem-store-unavailable = Der Datenspeicher wird nach einer Störung wieder geöffnet.
problem-store-full = Der Datenträger des Dienstes ist voll.
problem-unexpected = Hier ist etwas schiefgegangen; im Protokoll steht mehr.
