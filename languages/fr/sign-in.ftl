# Signing in, and proving that it is still the same person.

sign-in-title = Votre jeton pour { $place }
sign-in-heading = Votre jeton
    .lead = Confirmez un jeton que vous avez reçu, remettez-le à l’heure ou modifiez ce qui est enregistré à votre sujet.
sign-in-login = Votre identifiant
    .hint = Le nom que vous utilisez pour ce service.
sign-in-left = Vous êtes déconnecté.
sign-in-ended = Vous avez été déconnecté.
    .text = Votre visite a été fermée au bout d’un moment. Rien n’est perdu : connectez-vous de nouveau.
sign-in-button = Se connecter
sign-in-other-login = Recommencer avec un autre identifiant

verify-title = Mot de passe ou code envoyé
verify-heading = Encore une étape, { $login }
verify-lead = Si un mot de passe est enregistré, saisissez-le. Sinon, un code est en route vers votre adresse de courriel : saisissez ce code. Il sert pendant 10 minutes.
verify-secret = Mot de passe ou code reçu par courriel
verify-empty = Saisissez votre mot de passe ou le code reçu par courriel.
verify-no-way = Vous ne pouvez pas entrer depuis ici.
    .text = Ce navigateur ou ce lieu ne ressemble pas à ceux depuis lesquels vous vous connectez d’habitude. Nous vous enverrions maintenant un code, mais nous n’avons aucun moyen de le faire. { $whom } On peut vous laisser entrer une fois.

# A link; what follows it brings its own colon.
restore-access = Retrouver l’accès
    .after-login = { "\u00a0" }: vous avez perdu votre jeton, votre mot de passe ou l’accès à vos courriels.
    .after-password = { "\u00a0" }: vous avez perdu votre jeton, ou il ne marche plus.

otp-heading = Le code de votre jeton
    .lead = Appuyez sur le bouton si votre jeton en a un, et saisissez les chiffres que vous voyez.
    .lead-letters = Saisissez votre code PIN dans l’application, puis ici les six chiffres et lettres qu’elle affiche.
otp-heading-key = Le code de votre clé
    .lead = Placez le curseur dans le champ et touchez votre clé : elle saisit le code elle-même.
otp-no-mail = Vos codes arrivent par courriel, et nous n’avons aucun moyen de vous en envoyer un maintenant. { $whom }
otp-on-its-way = Un code est en route vers { $hint } : saisissez-le, avec votre code PIN si vous en avez un. Il sert une fois, pendant 10 minutes.
otp-none-on-its-way = Aucun code n’est en route : faites-vous-en envoyer un.
otp-mail-sent = Un code est en route.
    .text = Un code plus ancien ne sert plus.
otp-emergency = L’assistance vous a donné un code de secours ? Saisissez-le à la place.
otp-past = Ce code ne sert plus.
    .text = Seul le plus récent sert, et une seule fois.
otp-refused = Ce code ne convient pas.
    .synchronize = Attendez le suivant et saisissez-le ; s’il ne convient pas non plus, choisissez « Synchroniser ».
    .ask = Attendez le suivant et saisissez-le. S’il ne convient pas non plus, demandez de l’aide.
    .touch = Touchez la clé encore une fois. Si cela échoue de nouveau, demandez de l’aide.
otp-synchronize = Synchroniser
    .lead = L’horloge d’un jeton peut avancer ou retarder. Saisissez des codes qui se suivent et nous la corrigeons ; vous êtes connecté aussitôt.
    .button = Synchroniser et se connecter
otp-synchronized = Votre jeton est de nouveau à l’heure.
    .text = Saisissez maintenant le code suivant ; si votre jeton a un code PIN, avec lui.

unusual-heading = Un code aussi
    .lead = Ce navigateur ou ce lieu ne ressemble pas à ceux depuis lesquels vous vous connectez d’habitude.
unusual-on-its-way = Un code est en route vers votre adresse de courriel : saisissez ce code. Il sert pendant 10 minutes.
unusual-none-on-its-way = Il faut donc aussi un code envoyé par courriel, et aucun n’est en route : faites-vous-en envoyer un.
unusual-sent = Un autre code est en route.
    .text = L’ancien ne sert plus.

mailed-code = Le code reçu par courriel
    .digits = Huit chiffres.
    .digits-and-life = Huit chiffres. Il sert pendant dix minutes.
    .empty = Saisissez le code reçu par courriel.
    .send = M’envoyer un code
    .send-another = M’envoyer un autre code
    .none-came = Pas de courriel après quelques minutes ? Regardez parmi les indésirables. Un nouveau code annule l’ancien.
mails-enough = Assez de courriels pour l’instant.
    .text = Trois codes au plus sont envoyés par quart d’heure. Regardez parmi les courriels indésirables, ou attendez.

# The title of what was refused, and what to do, by what was typed.
did-not-fit = Cela ne convient pas.
    .secret = Vérifiez le clavier et recommencez. Si vous avez reçu un code par courriel, seul le plus récent sert.
    .password = Vérifiez le clavier et recommencez.
    .next-code = Attendez le suivant et saisissez-le.
    .touch = Touchez la clé encore une fois.
    .mailed-code = Seul le code le plus récent sert, une fois et pendant dix minutes.
code-used = Ce code a déjà servi.
challenge-past = Cette question n’est plus valable.
    .text = Chacune sert une fois, pendant cinq minutes. Répondez à celle qui est affichée maintenant.
keypad-silent = Votre jeton ne peut pas être interrogé maintenant.
    .pin = Son code PIN entre dans chaque code et n’est pas encore connu ici : il faut d’abord l’enregistrer. { $whom }
    .session = Dans ses réponses entrent des données que seul connaît le programme qui l’interroge : il s’utilise là, pas sur ces pages. { $whom }
    .used-up = Presque tous les nombres qu’il connaît lui ont été demandés, et aucun ne l’est deux fois : il vous faut un autre jeton. { $whom }
tries-too-many = Il y a eu trop d’essais manqués.
tries-next = Le prochain essai sera possible dans { $wait }.
tries-ask = Demandez aux personnes qui s’occupent de ce service de vous le rouvrir.

prove-heading = Est-ce toujours vous ?
prove-why =
    .login = Nous le redemandons avant que votre identifiant change : { prove-because }
    .email = Nous le redemandons avant que votre adresse de courriel change : { prove-because }
    .first-password = Nous le redemandons avant que vous receviez un mot de passe : { prove-because }
    .password = Nous le redemandons avant que votre mot de passe change : { prove-because }
    .trust = Nous le redemandons avant qu’un environnement soit jugé sûr : { prove-because }
    .forget = Nous le redemandons avant qu’un environnement soit oublié : { prove-because }
    .another-token = Nous le redemandons avant qu’un autre jeton devienne le vôtre : { prove-because }
    .reassign = Nous le redemandons avant qu’un autre jeton remplace le vôtre : { prove-because }
    .unassign = Nous le redemandons avant que vous rendiez votre jeton : { prove-because }
    .remove-pin = Nous le redemandons avant que le code PIN de votre jeton soit supprimé : { prove-because }
prove-because = quelqu’un qui passe pourrait se servir d’une page ouverte. La réponse vaut cinq minutes.
prove-code = Saisissez le code que votre jeton affiche maintenant.
    .one-of-several = Saisissez le code que l’un de vos jetons affiche maintenant.
prove-code-elsewhere = Saisissez le code que votre jeton pour { $place } affiche maintenant.
prove-which-token = Quel jeton
    .keypad = { $token } : saisissez-y d’abord { $challenge }
prove-mail-to = Nous envoyons un code à { $hint }.
prove-mail-sent = Un code est en route vers { $hint }.
prove-mails-enough = Trois courriels ont déjà été envoyés.
    .text = Le dernier code sert encore, dix minutes après son envoi. Regardez parmi les courriels indésirables, ou réessayez dans un quart d’heure.
prove-nothing = Vous n’avez rien pour le prouver.
    .text = Ni jeton ni mot de passe n’est enregistré, et aucun code ne peut être envoyé. { $whom }
your-password = Votre mot de passe
    .empty = Saisissez votre mot de passe.

type-again-codes = Saisissez encore une fois les codes.
type-again-secret = Saisissez encore une fois la clé secrète.
type-again-rest = Le reste est toujours là.
