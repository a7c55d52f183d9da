# Was Personen an sich ändern, womit sie sich anmelden und von wo.

login-lead = Ihr Anmeldename ist { $login }. Nach der Änderung melden Sie sich mit dem neuen an; den alten bekommt niemand sonst.
login-others = Ihr Anmeldename ist auch anderen bekannt.
    .text = Außer { $place } kennen ihn vielleicht auch andere Dienste und würden Sie dann nicht mehr finden. Fragen Sie vorher nach, wenn Sie nicht sicher sind.
login-new = Neuer Anmeldename
login-button = Anmeldenamen ändern
login-spent = Sie haben viele Anmeldenamen versucht, die vergeben sind. Versuchen Sie es morgen wieder, oder bitten Sie um Hilfe.
problem-login-taken = Dieser Anmeldename ist vergeben: wählen Sie einen anderen.
problem-login-changes-spent = Ihr Anmeldename wurde schon oft geändert: bitten Sie um Hilfe, um ihn noch einmal zu ändern.
problem-login-is-address = Dieses Wort kommt in den Adressen hier vor, deshalb kann niemand so heißen: wählen Sie einen anderen Anmeldenamen.

name-lead = So sprechen wir Sie in Mails an, und unter diesem Namen findet Sie der Helpdesk.
name-first = Vorname
name-last = Nachname
name-button = Namen speichern
name-chars = Ein Name hat höchstens 64 Zeichen.

phone-lead = Der Helpdesk ruft dort vielleicht an, um festzustellen, ob Sie es sind. Automatische Anrufe gibt es nicht.
phone-number = Telefonnummer
    .hint = Mit Ländervorwahl, wie +49 30 123456. Lassen Sie das Feld leer, um die Nummer zu entfernen.
phone-button = Nummer speichern

password-create = Ab dann melden Sie sich damit an; Codes werden dafür nicht mehr zugeschickt.
    .button = Passwort erstellen
password-change = Überall sonst, wo Sie angemeldet sind, werden Sie abgemeldet.
    .button = Passwort ändern
password-hint = Mindestens { $least } Zeichen. Gut sind ein paar Wörter, die nur Sie zusammenstellen.
password-old = Altes Passwort
    .empty = Tippen Sie das Passwort, das Sie jetzt haben.
    .refused = Das ist nicht das hinterlegte Passwort. Prüfen Sie die Tastatur.
password-again = Neues Passwort noch einmal
    .differ = Die beiden sind nicht gleich: tippen Sie das neue Passwort in beide Felder.
problem-password-same = Das ist, was als altes Passwort getippt wurde: wählen Sie ein anderes.

email-first = Noch ist keine Adresse hinterlegt. Wir schicken einen Code an die neue; bis Sie ihn hier tippen, ändert sich nichts.
email-another = Ihre Adresse ist { $present }. Wir schicken einen Code an die neue; bis Sie ihn hier tippen, bleibt die alte. Beide werden benachrichtigt.
email-code-life = Acht Ziffern. Er gilt zehn Minuten, auf dieser Seite und nirgends sonst.
email-code-old = Der Code ist zu alt.
    .text = Er gilt zehn Minuten. Lassen Sie sich einen neuen schicken.
email-code-refused = Nur der neueste Code gilt, zehn Minuten lang.
email-nothing-came = Ist nichts angekommen?
    .text = Sehen Sie bei den unerwünschten Mails nach, oder lassen Sie sich noch einen Code schicken. Mit einem neuen Code gilt der alte nicht mehr.
email-enough = Höchstens drei Codes werden in einer Viertelstunde verschickt. Warten Sie so lange und versuchen Sie es dann noch einmal.
problem-email-same = Das ist schon Ihre Adresse.

pin-lead = Eine PIN wird zu jedem Code dazugetippt; so nützt ein Token niemandem, der es findet.
pin-new = PIN
pin-length = 4 bis { $most } Ziffern, nicht alle gleich und nicht der Reihe nach.
pin-length-four = Vier Ziffern, nicht alle gleich und nicht der Reihe nach.
pin-again = Noch einmal dieselbe PIN
    .differ = Die beiden sind nicht gleich. Tippen Sie zweimal dieselbe PIN.
pin-where = Wo Sie sie tippen
    .after = Nach dem Code
    .before = Vor dem Code
pin-fixed =
    .after = Sie tippen sie nach dem Code.
    .before = Sie tippen sie vor dem Code.
pin-example = Mit der PIN 2580 und dem Code 123456: nach dem Code getippt 1234562580, vor dem Code getippt 2580123456.
pin-button = PIN setzen
pin-done = Ihr Token hat jetzt eine PIN
    .text = Die PIN ist gesetzt.
    .after = Wenn nach einem Code gefragt wird, tippen Sie den Code und direkt dahinter die PIN.
    .before = Wenn nach einem Code gefragt wird, tippen Sie die PIN und direkt dahinter den Code.
problem-pin-digits = Eine PIN besteht nur aus Ziffern.
problem-pin-length = { $typed ->
    [one] Eine PIN hat 4 bis { $most } Ziffern, getippt wurde { $typed }.
   *[other] Eine PIN hat 4 bis { $most } Ziffern, getippt wurden { $typed }.
    }
problem-pin-length-four = { $typed ->
    [one] Eine PIN hat vier Ziffern, getippt wurde { $typed }.
   *[other] Eine PIN hat vier Ziffern, getippt wurden { $typed }.
    }
problem-pin-guessed = Diese PIN gehört zu den ersten, die jeder probiert: nehmen Sie Ziffern, die nicht alle gleich sind und nicht der Reihe nach auf- oder absteigen.

pin-remove = PIN entfernen?
    .button = PIN entfernen
pin-remove-text = Ab dann genügt der Code des Tokens { $serial } allein, für jeden, der das Token hat.
pin-removed = Ihr Token hat keine PIN mehr
    .text = Die PIN ist entfernt.
    .next = Wenn nach einem Code gefragt wird, tippen Sie nur den Code.

unassign-sure = Token { $serial } zurückgeben?
unassign-means = { $place } fragt nicht mehr nach seinen Codes. Nur Sie können es wieder registrieren.
unassign-button = Zurückgeben
unassign-done = Ihr Token wurde zurückgegeben
    .text = Das ist erledigt.
sure-keep = Behalten

environment-lead = Von wo Sie sich anmelden. Von jeder Anmeldung behalten wir die Namen von Browser und System, die erste Sprache, die Zeitzone, die Größe des Bildschirms und das Netz; keine Versionen, keine Orte, nichts von dem, was Sie tun.
environment-none = Noch ist nichts bekannt.
    .text = Ihre nächste Anmeldung steht dann hier.
environment-device = { $browser ->
    [unknown] Unbekannter Browser
   *[other] { $browser }
    } unter { $system ->
    [unknown] unbekanntem System
   *[other] { $system }
    }
environment-untold = nicht angegeben
environment-trait =
    .browser = Browser
    .language = Sprache
    .time-zone = Zeitzone
    .screen = Bildschirm
    .network = Netz
environment-first-seen = Zuerst gesehen
environment-last-seen = Zuletzt gesehen
environment-alike = Ähnlichkeit mit dieser
environment-score = { $score } von 100
environment-score-differs = { $score } von 100: { $differences }
environment-this = Diese hier
environment-trusted = Vertraut
environment-name = Ihr Name dafür
    .save = Speichern
environment-trust = Vertrauen
    .no-longer = Nicht mehr vertrauen
environment-forget = Vergessen
environment-done =
    .named = Der Name ist gespeichert.
    .trusted = Der Umgebung wird ab jetzt vertraut.
    .untrusted = Der Umgebung wird nicht mehr vertraut.
    .forgotten = Die Umgebung ist vergessen.
environment-travels = Eine vertraute Umgebung wird auch aus einem anderen Netz wiedererkannt.
environment-policy-off = Ungewohnte Anmeldungen haben hier keine Folgen.
environment-policy-report = Wenn eine Anmeldung keiner dieser Umgebungen zu mindestens { $score } von 100 gleicht, werden Sie benachrichtigt.
environment-policy-ask = Wenn eine Anmeldung keiner dieser Umgebungen zu mindestens { $score } von 100 gleicht und Sie kein Token haben, wird Ihnen ein Code gemailt, den Sie dann brauchen; ohne E-Mail-Adresse werden Sie nicht eingelassen.
environment-policy-refuse = Wenn eine Anmeldung keiner dieser Umgebungen zu mindestens { $score } von 100 gleicht, wird niemand eingelassen, und Sie werden benachrichtigt.
environment-sign-ins = Ihre letzten Anmeldungen
    .done = Angemeldet
    .tried = Versucht, nicht eingelassen
environment-from = von { $address }
environment-leave = Überall abmelden
    .hint = Etwas, das Sie nicht kennen? Melden Sie sich überall ab und ändern Sie dann Ihr Passwort.
