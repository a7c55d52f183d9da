# What all pages share: the frame, codes, what is wrong.

page-skip = Aller au contenu
page-about-store = À propos de ce stockage
page-close-message = Fermer ce message
page-demonstration = Démonstration : les jetons et les personnes sont inventés ici.
page-rehearsal = Répétition : les lecteurs et les jetons sont simulés ici.
page-reference = Référence pour l’administrateur :
page-sign-out = Se déconnecter
page-language = Langue
page-copy = Copier
page-copied = Copié
page-copy-by-key = Appuyez sur Ctrl+C
page-previous = Précédent
page-next = Suivant
page-pages = Pages de cette liste
page-to-start = Au début
page-to-sign-in = Vers la page de connexion
page-to-home = Retour à votre page
page-continue = Continuer
page-self-service = Libre-service
page-ask-whoever = Demandez aux personnes qui vous ont donné cette adresse.

page-nothing-here = Il n’y a rien ici
page-not-allowed = Ce n’est pas permis
page-not-signed-in = Vous n’êtes pas connecté
    .text = Connectez-vous et réessayez.
page-not-now = Pas maintenant
page-did-not-work = Cela n’a pas marché
page-nothing-changed = Rien n’a été changé
page-no-self-service = Il n’y a pas de libre-service à cette adresse
    .text = Vérifiez l’adresse qui vous a été donnée, lettre par lettre, ou demandez à la personne qui vous l’a donnée.
page-not-possible = Ce n’est pas possible ici
    .text = Cela a été désactivé, ou il n’y a plus rien à faire.
page-too-old = Cette page est trop ancienne
    .text = Rechargez la page et refaites ce que vous avez fait.
page-too-many = Trop d’essais en même temps
    .text = Attendez un instant et réessayez.
page-changed-meanwhile = Quelque chose a changé entre-temps
    .text = Retournez à votre page et regardez de nouveau.
page-form-broken = Le formulaire n’est pas arrivé entier
    .text = Rechargez la page et refaites ce que vous avez fait.
page-does-not-work = Cela ne marche pas en ce moment
    .text = Ce n’est pas votre faute. Réessayez dans quelques minutes.

code = Code
code-first = Premier code
code-next = Code suivant
code-third = Le code d’après
code-nth = Code { $nth }
code-challenge = Saisissez d’abord ceci dans le jeton :
code-changed = Le code a changé.
code-next-in = Code suivant dans { $secs } s
code-empty = Saisissez le code que le jeton affiche.
code-digits = Un code n’a que des chiffres.
code-length = { $typed ->
    [one] { $typed } chiffre a été saisi. Saisissez tous les chiffres que le jeton affiche.
   *[other] { $typed } chiffres ont été saisis. Saisissez tous les chiffres que le jeton affiche.
    }
code-all-digits = Saisissez tous les chiffres que le jeton affiche, et rien de plus.
code-hex = Un code de ce jeton a six caractères : 0 à 9 et a à f.
code-key = Votre clé saisit le code elle-même : placez le curseur ici et touchez-la.
    .layout = Aucune clé ne saisit cela : passez le clavier en anglais et touchez de nouveau la clé.
code-same-twice = C’est encore le même code : attendez que l’écran change, ou appuyez encore une fois.
code-next-too = Saisissez aussi le code suivant.

problem-too-long = C’est trop long : { $max } caractères au plus.
problem-character = Le caractère à la position { $position } n’est pas permis ici.
problem-login-empty = Saisissez votre identifiant.
problem-serial-number-empty = Saisissez le numéro de série.
problem-serial-number-form = Un numéro de série ne se compose pas que d’espaces et de tirets.
problem-e-mail-address-empty = Saisissez l’adresse de courriel.
problem-e-mail-address-form = Une adresse de courriel ressemble à name@example.org.
problem-phone-number-empty = Saisissez le numéro de téléphone.
problem-phone-number-form = Un numéro de téléphone a son indicatif de pays, comme +49 30 123456.

# What the frame says of requests that reach no page.
problem-not-found = Il n’y a rien à cette adresse.
problem-method-not-allowed = Cette adresse ne s’ouvre pas de cette façon.
problem-path-malformed = Cette adresse n’est pas du texte UTF-8.
problem-foreign-origin = Cette requête ne vient pas d’une page de ce service.
problem-host-not-allowed = Ce service ne répond pas sous ce nom d’hôte ; il doit figurer dans allowed_hosts.
problem-too-many-requests = Trop de requêtes en même temps.
problem-stale = L’enregistrement a changé entre-temps : réessayez.
problem-store-unavailable = Le stockage est en cours de réouverture après une panne.
problem-store-full = Le disque du service est plein.
problem-unexpected = Quelque chose s’est mal passé ici ; le journal en dit plus.
