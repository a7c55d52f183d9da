# Ce que les personnes changent d’elles-mêmes, avec quoi et d’où elles se connectent.

login-lead = Votre identifiant est { $login }. Après le changement, vous vous connectez avec le nouveau ; personne d’autre ne reçoit l’ancien.
login-others = D’autres vous trouvent par votre identifiant.
    .text = En plus de { $place }, d’autres services vous connaissent peut-être sous ce nom et ne vous trouveraient plus. Demandez d’abord si vous n’êtes pas sûr.
login-new = Nouvel identifiant
login-button = Changer l’identifiant
login-spent = Vous avez essayé beaucoup d’identifiants déjà pris. Réessayez demain, ou demandez de l’aide.
problem-login-taken = Cet identifiant est déjà pris : choisissez-en un autre.
problem-login-changes-spent = Votre identifiant a déjà souvent changé : demandez de l’aide pour le changer encore.
problem-login-is-address = Ce mot fait partie des adresses d’ici, personne ne peut donc s’appeler ainsi : choisissez un autre identifiant.

name-lead = C’est ainsi que nous nous adressons à vous dans les courriels, et que l’assistance vous trouve.
name-first = Prénom
name-last = Nom de famille
name-button = Enregistrer le nom
name-chars = Un nom a 64 caractères au plus.

phone-lead = L’assistance peut y appeler pour savoir si c’est bien vous. Il n’y a pas d’appels automatiques.
phone-number = Numéro de téléphone
    .hint = Avec l’indicatif du pays, comme +49 30 123456. Laissez le champ vide pour supprimer le numéro.
phone-button = Enregistrer le numéro

password-create = Vous vous connecterez dès lors avec lui ; les codes ne seront plus envoyés pour cela.
    .button = Créer le mot de passe
password-change = Partout ailleurs où vous êtes connecté, vous serez déconnecté.
    .button = Changer le mot de passe
password-hint = Au moins { $least } caractères. Quelques mots que vous seul mettez ensemble conviennent bien.
password-old = Ancien mot de passe
    .empty = Saisissez le mot de passe que vous avez maintenant.
    .refused = Ce n’est pas le mot de passe enregistré. Vérifiez le clavier.
password-again = Nouveau mot de passe encore une fois
    .differ = Les deux ne sont pas identiques : saisissez le nouveau mot de passe dans les deux champs.
problem-password-same = C’est ce qui a été saisi comme ancien mot de passe : choisissez-en un autre.

email-first = Aucune adresse n’est encore enregistrée. Nous envoyons un code à la nouvelle ; rien ne change tant que vous ne le saisissez pas ici.
email-another = Votre adresse est { $present }. Nous envoyons un code à la nouvelle ; tant que vous ne le saisissez pas ici, l’ancienne reste. Les deux sont prévenues.
email-code-life = Huit chiffres. Il sert pendant dix minutes, sur cette page et nulle part ailleurs.
email-code-old = Le code est trop ancien.
    .text = Il sert pendant dix minutes. Faites-vous-en envoyer un autre.
email-code-refused = Seul le code le plus récent sert, pendant dix minutes.
email-nothing-came = Rien n’est arrivé ?
    .text = Regardez parmi les courriels indésirables, ou faites-vous envoyer un autre code. Un nouveau code annule l’ancien.
email-enough = Trois codes au plus sont envoyés par quart d’heure. Attendez ce temps et réessayez.
problem-email-same = C’est déjà votre adresse.

pin-lead = Un code PIN se saisit avec chaque code : ainsi, un jeton trouvé ne sert à personne.
pin-new = Code PIN
pin-length = De 4 à { $most } chiffres, pas tous identiques et pas à la suite.
pin-length-four = Quatre chiffres, pas tous identiques et pas à la suite.
pin-again = Le même code PIN encore une fois
    .differ = Les deux diffèrent. Saisissez deux fois le même code PIN.
pin-where = Où vous le saisissez
    .after = Après le code
    .before = Avant le code
pin-fixed =
    .after = Vous le saisissez après le code.
    .before = Vous le saisissez avant le code.
pin-example = Avec le code PIN 2580 et le code 123456 : après le code donne 1234562580, avant le code donne 2580123456.
pin-button = Définir le code PIN
pin-done = Votre jeton a maintenant un code PIN
    .text = Le code PIN est défini.
    .after = Quand un code est demandé, saisissez le code et juste après le code PIN.
    .before = Quand un code est demandé, saisissez le code PIN et juste après le code.
problem-pin-digits = Un code PIN n’a que des chiffres.
problem-pin-length = { $typed ->
    [one] Un code PIN a de 4 à { $most } chiffres, { $typed } a été saisi.
   *[other] Un code PIN a de 4 à { $most } chiffres, { $typed } ont été saisis.
    }
problem-pin-length-four = { $typed ->
    [one] Un code PIN a quatre chiffres, { $typed } a été saisi.
   *[other] Un code PIN a quatre chiffres, { $typed } ont été saisis.
    }
problem-pin-guessed = Ce code PIN est parmi les premiers que tout le monde essaie : prenez des chiffres qui ne sont pas tous identiques et qui ne montent ni ne descendent à la suite.

pin-remove = Supprimer le code PIN ?
    .button = Supprimer le code PIN
pin-remove-text = Dès lors, le code du jeton { $serial } suffit à lui seul, pour quiconque a le jeton.
pin-removed = Votre jeton n’a plus de code PIN
    .text = Le code PIN est supprimé.
    .next = Quand un code est demandé, saisissez seulement le code.

unassign-sure = Rendre le jeton { $serial } ?
unassign-means = { $place } ne demande plus ses codes. Vous restez le seul à pouvoir l’enregistrer de nouveau.
unassign-button = Le rendre
unassign-done = Votre jeton a été rendu
    .text = C’est fait.
sure-keep = Le garder

environment-lead = D’où vous vous connectez. De chaque connexion, nous gardons les noms du navigateur et du système, la première langue, le fuseau horaire, la taille de l’écran et le réseau ; aucune version, aucun lieu, rien de ce que vous faites.
environment-none = Rien n’est encore connu.
    .text = Votre prochaine connexion figurera ici.
environment-device = { $browser ->
    [unknown] Navigateur inconnu
   *[other] { $browser }
    } sous { $system ->
    [unknown] un système inconnu
   *[other] { $system }
    }
environment-untold = aucune indication
environment-trait =
    .browser = Navigateur
    .language = Langue
    .time-zone = Fuseau horaire
    .screen = Écran
    .network = Réseau
environment-first-seen = Vu pour la première fois
environment-last-seen = Vu pour la dernière fois
environment-alike = Ressemblance avec celui-ci
environment-score = { $score } sur 100
environment-score-differs = { $score } sur 100 : { $differences }
environment-this = Celui-ci
environment-trusted = Sûr
environment-name = Le nom que vous lui donnez
    .save = Enregistrer
environment-trust = Le juger sûr
    .no-longer = Ne plus le juger sûr
environment-forget = L’oublier
environment-done =
    .named = Le nom est enregistré.
    .trusted = L’environnement est désormais jugé sûr.
    .untrusted = L’environnement n’est plus jugé sûr.
    .forgotten = L’environnement est oublié.
environment-travels = Un environnement sûr est reconnu aussi depuis un autre réseau.
environment-policy-off = Les connexions inhabituelles n’ont ici aucune suite.
environment-policy-report = Quand une connexion ne ressemble à aucun d’eux pour au moins { $score } sur 100, vous êtes prévenu.
environment-policy-ask = Quand une connexion ne ressemble à aucun d’eux pour au moins { $score } sur 100 et que vous n’avez pas de jeton, un code vous est envoyé et demandé ; sans adresse de courriel, vous ne pouvez pas entrer.
environment-policy-refuse = Quand une connexion ne ressemble à aucun d’eux pour au moins { $score } sur 100, personne n’entre, et vous êtes prévenu.
environment-sign-ins = Vos dernières connexions
    .done = Connecté
    .tried = Essai sans pouvoir entrer
environment-from = depuis { $address }
environment-leave = Se déconnecter partout
    .hint = Quelque chose vous est inconnu ? Déconnectez-vous partout, puis changez votre mot de passe.
