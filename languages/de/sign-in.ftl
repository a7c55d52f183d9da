# Signing in, and proving that it is still the same person.

sign-in-title = Ihr Token für { $place }
sign-in-heading = Ihr Token
    .lead = Bestätigen Sie ein Token, das Sie bekommen haben, bringen Sie es wieder auf die richtige Zeit, oder ändern Sie, was über Sie hinterlegt ist.
sign-in-login = Ihr Anmeldename
    .hint = Der Name, den Sie bei diesem Dienst verwenden.
sign-in-left = Sie sind abgemeldet.
sign-in-ended = Sie wurden abgemeldet.
    .text = Ihr Besuch wurde nach einer Weile beendet. Nichts ist verloren: melden Sie sich wieder an.
sign-in-button = Anmelden
sign-in-other-login = Mit einem anderen Anmeldenamen neu beginnen

verify-title = Passwort oder zugeschickter Code
verify-heading = Noch ein Schritt, { $login }
verify-lead = Wenn ein Passwort hinterlegt ist, tippen Sie es. Wenn nicht, ist ein Code an Ihre E-Mail-Adresse unterwegs: tippen Sie diesen Code. Er gilt 10 Minuten.
verify-secret = Passwort oder der Code aus unserer Mail
verify-empty = Tippen Sie Ihr Passwort oder den Code aus unserer Mail.
verify-no-way = Von hier aus können Sie nicht eingelassen werden.
    .text = Dieser Browser oder dieser Ort gleicht denen nicht, von denen Sie sich sonst anmelden. Wir würden Ihnen jetzt einen Code mailen, können Ihnen aber keinen schicken. { $whom } Man kann Sie dort einmal einlassen.

# A link; what follows it brings its own colon.
restore-access = Zugang wiederherstellen
    .after-login = : wenn Sie Ihr Token, Ihr Passwort oder den Zugang zu Ihren Mails verloren haben.
    .after-password = : wenn Sie Ihr Token verloren haben oder es nicht mehr funktioniert.

otp-heading = Der Code auf Ihrem Token
    .lead = Drücken Sie die Taste, falls Ihr Token eine hat, und tippen Sie die Ziffern, die Sie sehen.
    .lead-letters = Tippen Sie Ihre PIN in die App und hier die sechs Ziffern und Buchstaben, die sie zeigt.
otp-heading-key = Der Code Ihres Schlüssels
    .lead = Setzen Sie den Cursor in das Feld und berühren Sie Ihren Schlüssel: er tippt den Code selbst.
otp-no-mail = Ihre Codes kommen per Mail, und zurzeit können wir Ihnen keinen schicken. { $whom }
otp-on-its-way = Ein Code ist unterwegs an { $hint }: tippen Sie ihn, zusammen mit Ihrer PIN, falls Sie eine haben. Er gilt einmal und 10 Minuten lang.
otp-none-on-its-way = Zurzeit ist kein Code unterwegs: lassen Sie sich einen schicken.
otp-mail-sent = Ein Code ist unterwegs.
    .text = Ein früherer gilt nicht mehr.
otp-emergency = Haben Sie vom Helpdesk einen Notfallcode bekommen? Tippen Sie stattdessen ihn.
otp-past = Dieser Code gilt nicht mehr.
    .text = Nur der neueste gilt, und nur einmal.
otp-refused = Dieser Code passte nicht.
    .synchronize = Warten Sie auf den nächsten und tippen Sie ihn; passt auch er nicht, wählen Sie „Synchronisieren“.
    .ask = Warten Sie auf den nächsten und tippen Sie ihn. Passt auch er nicht, bitten Sie um Hilfe.
    .touch = Berühren Sie den Schlüssel noch einmal. Passt es wieder nicht, bitten Sie um Hilfe.
otp-synchronize = Synchronisieren
    .lead = Die Uhr in einem Token kann vor- oder nachgehen. Tippen Sie Codes, die aufeinander folgen, und wir stellen sie richtig; Sie sind dann gleich angemeldet.
    .button = Synchronisieren und anmelden
otp-synchronized = Ihr Token geht wieder richtig.
    .text = Tippen Sie jetzt den nächsten Code; wenn Ihr Token eine PIN hat, zusammen mit ihr.

unusual-heading = Noch ein Code
    .lead = Dieser Browser oder dieser Ort gleicht denen nicht, von denen Sie sich sonst anmelden.
unusual-on-its-way = Ein Code ist an Ihre E-Mail-Adresse unterwegs: tippen Sie diesen Code. Er gilt 10 Minuten.
unusual-none-on-its-way = Deshalb brauchen Sie auch einen Code aus einer Mail, und zurzeit ist keiner unterwegs: lassen Sie sich einen schicken.
unusual-sent = Ein neuer Code ist unterwegs.
    .text = Der alte gilt nicht mehr.

mailed-code = Der Code aus unserer Mail
    .digits = Acht Ziffern.
    .digits-and-life = Acht Ziffern. Er gilt zehn Minuten.
    .empty = Tippen Sie den Code aus unserer Mail.
    .send = Code per Mail schicken
    .send-another = Neuen Code per Mail schicken
    .none-came = Nach ein paar Minuten noch keine Mail? Sehen Sie bei den unerwünschten nach. Mit einem neuen Code gilt der alte nicht mehr.
mails-enough = Es waren vorerst genug Mails.
    .text = Höchstens drei Codes werden in einer Viertelstunde verschickt. Sehen Sie bei den unerwünschten Mails nach, oder warten Sie.

# The title of what was refused, and what to do, by what was typed.
did-not-fit = Das passte nicht.
    .secret = Prüfen Sie die Tastatur und tippen Sie es noch einmal. Wenn Sie einen Code per Mail bekommen haben, gilt nur der neueste.
    .password = Prüfen Sie die Tastatur und tippen Sie es noch einmal.
    .next-code = Warten Sie auf den nächsten und tippen Sie ihn.
    .touch = Berühren Sie den Schlüssel noch einmal.
    .mailed-code = Nur der neueste Code gilt, einmal und zehn Minuten lang.
code-used = Dieser Code wurde schon benutzt.
challenge-past = Diese Aufgabe gilt nicht mehr.
    .text = Jede gilt einmal, fünf Minuten lang. Beantworten Sie die, die jetzt hier steht.
keypad-silent = Ihr Token kann jetzt nicht gefragt werden.
    .pin = Seine PIN geht in jeden Code ein und ist hier noch nicht bekannt: Sie muss erst hinterlegt werden. { $whom }
    .session = In seine Antworten gehen Daten ein, die nur das Programm kennt, das es fragt: Es wird dort benutzt und nicht auf diesen Seiten. { $whom }
    .used-up = Es wurde fast alle Zahlen gefragt, die es kennt, und keine wird zweimal gefragt: Sie brauchen ein anderes Token. { $whom }
tries-too-many = Zu viele Versuche passten nicht.
tries-next = Warten Sie { $wait } bis zum nächsten Versuch.
tries-ask = Bitten Sie die Leute, die diesen Dienst betreuen, ihn wieder für Sie zu öffnen.

prove-heading = Sind das noch Sie?
prove-why =
    .login = Wir fragen noch einmal nach, bevor Ihr Anmeldename geändert wird: { prove-because }
    .email = Wir fragen noch einmal nach, bevor Ihre E-Mail-Adresse geändert wird: { prove-because }
    .first-password = Wir fragen noch einmal nach, bevor Sie ein Passwort bekommen: { prove-because }
    .password = Wir fragen noch einmal nach, bevor Ihr Passwort geändert wird: { prove-because }
    .trust = Wir fragen noch einmal nach, bevor einer Umgebung vertraut wird: { prove-because }
    .forget = Wir fragen noch einmal nach, bevor eine Umgebung vergessen wird: { prove-because }
    .another-token = Wir fragen noch einmal nach, bevor Ihnen noch ein Token gehört: { prove-because }
    .reassign = Wir fragen noch einmal nach, bevor ein anderes Token an die Stelle Ihres jetzigen tritt: { prove-because }
    .unassign = Wir fragen noch einmal nach, bevor Sie Ihr Token zurückgeben: { prove-because }
    .remove-pin = Wir fragen noch einmal nach, bevor die PIN Ihres Tokens entfernt wird: { prove-because }
prove-because = eine offene Seite könnte jemand benutzen, der gerade vorbeikommt. Die Antwort gilt fünf Minuten.
prove-code = Tippen Sie den Code, den Ihr Token jetzt zeigt.
    .one-of-several = Tippen Sie den Code, den eines Ihrer Tokens jetzt zeigt.
prove-code-elsewhere = Tippen Sie den Code, den Ihr Token für { $place } jetzt zeigt.
prove-which-token = Welches Token
    .keypad = { $token }: tippen Sie zuerst { $challenge } hinein
prove-mail-to = Wir schicken einen Code an { $hint }.
prove-mail-sent = Ein Code ist unterwegs an { $hint }.
prove-mails-enough = Es gab schon drei Mails.
    .text = Der letzte Code gilt noch, zehn Minuten lang ab dem Versand. Sehen Sie bei den unerwünschten Mails nach, oder versuchen Sie es in einer Viertelstunde wieder.
prove-nothing = Es gibt nichts, womit Sie es beweisen könnten.
    .text = Weder ein Token noch ein Passwort ist hinterlegt, und ein Code kann nicht gemailt werden. { $whom }
your-password = Ihr Passwort
    .empty = Tippen Sie Ihr Passwort.

type-again-codes = Tippen Sie die Codes noch einmal.
type-again-secret = Tippen Sie den geheimen Schlüssel noch einmal.
type-again-rest = Alles andere ist noch da.
