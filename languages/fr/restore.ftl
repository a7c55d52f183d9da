# Restore access, and the pages of the links in its mails.

restore-lead = Vous ne pouvez pas vous connecter comme { $login } ?
restore-lead-say = Dites ce que vous ne pouvez pas utiliser, et les personnes qui s’occupent de { $place } vous laisseront de nouveau entrer dès qu’elles sauront que c’est vous.
restore-lost = Que ne pouvez-vous pas utiliser ?
    .token = Mon jeton, ou le téléphone avec l’application : perdu, cassé, ou je n’en ai pas
    .password = Mon mot de passe : oublié, ou je n’en ai pas
    .email = Mes courriels : je ne peux pas les lire, ou aucune adresse n’est enregistrée
    .hint = Cochez aussi ce que vous n’avez jamais eu. Nous demandons quelque chose du reste.
problem-nothing-lost = Cochez ce que vous ne pouvez pas utiliser.

restore-have = Que vous reste-t-il ?
    .lead = Un seul suffit. Laissez vide ce que vous n’avez pas sous la main.
    .nothing = Si rien de tout cela n’est à portée, recommencez et cochez-le aussi.
    .empty = Saisissez l’un d’eux. Si aucun n’est à portée, recommencez et cochez-le aussi.
    .refused = Saisissez-le de nouveau, ou laissez vide ce dont vous n’êtes pas sûr. Parmi les codes envoyés, seul le plus récent convient ; pour un jeton, le code qu’il affiche maintenant.
restore-code = { mailed-code }
    .hint = Si une adresse de courriel est enregistrée, un code est en route vers elle. Il sert pendant dix minutes, sur cette page et nulle part ailleurs.

restore-password = Votre nouveau mot de passe
    .lead = Il remplace l’ancien quand votre demande est approuvée. Personne ne le voit, nous non plus.
    .new = Nouveau mot de passe
    .hint = Au moins { $least } caractères : quelques mots que vous seul mettriez ensemble.
    .again = Le même encore une fois
    .empty = Saisissez le nouveau mot de passe.
    .differ = Les deux ne sont pas identiques : saisissez encore une fois le nouveau mot de passe.
problem-password-short = { $typed ->
    [one] Le mot de passe a { $typed } caractère, il en faut au moins { $least }.
   *[other] Le mot de passe a { $typed } caractères, il en faut au moins { $least }.
    }
problem-password-long = Le mot de passe a { $typed } caractères, { $most } au plus.
problem-password-common = Ce mot de passe est parmi les premiers que l’on essaie ; prenez-en un autre.

restore-email = Votre nouvelle adresse de courriel
    .lead = Rien n’y est envoyé avant que votre demande soit approuvée. Un lien y arrive alors ; tant que vous ne l’ouvrez pas, l’ancienne adresse reste.
    .new = Nouvelle adresse de courriel

restore-send = Envoyer votre demande
    .lead = Vous demandez l’accès comme { $login } :
    .button = Envoyer la demande
restore-asks =
    .token = Si un jeton est à vous, il est désactivé ; vous vous connectez sans lui et en préparez un autre.
    .password = Le mot de passe que vous avez saisi remplace l’ancien.
    .email = Un lien est envoyé à { $to }, qui devient votre adresse quand vous l’ouvrez.
restore-enough = Assez de demandes pour l’instant.
    .text = Beaucoup de demandes sont venues de votre réseau. La prochaine sera possible dans { $wait }.

restore-sent = Votre demande a un numéro
    .keep = Notez-le
    .number = le numéro
    .next = La suite
restore-next-call = Appelez les personnes qui s’occupent de { $place }, ou allez les voir, et lisez-leur le numéro.
restore-next-identity = Elles vous demandent qui vous êtes, à leur façon.
restore-next-two = Vous n’avez rien pu prouver d’ici : deux d’entre elles doivent donc être d’accord.
restore-next-two-wait = Vous n’avez rien pu prouver d’ici : deux d’entre elles doivent donc être d’accord, et la demande prend effet { $wait } plus tard.
restore-next-link = Ouvrez ensuite le lien qui arrive à votre nouvelle adresse : il sert pendant un jour.
restore-next-sign-in = Connectez-vous ensuite avec ce que vous avez maintenant.
restore-next-found = Vous avez retrouvé ce qui était perdu ? Connectez-vous comme d’habitude : cela efface la demande. Si personne ne décide, elle prend fin après 30 jours.
restore-start-again = Recommencer
restore-to-sign-in = Retour à la connexion

link-cancel = Une demande d’accès
    .text = Quelqu’un a demandé l’accès en votre nom : { $when }, depuis l’adresse réseau { $address }. La demande a le numéro { $reference }.
    .button = Annuler la demande
    .otherwise = Si c’était vous, fermez cette page : la demande reste.
link-cancelled = La demande est annulée
    .text = Rien ne change en votre nom. Si cela se reproduit, demandez de l’aide.
link-email = { restore-email }
    .text = { $to } devient votre adresse de courriel pour { $place }. L’ancienne est prévenue.
    .button = Utiliser cette adresse
    .otherwise = Si vous ne l’avez pas demandé, fermez cette page : rien ne change.
link-email-changed = Votre adresse de courriel a changé
    .text = Les codes et les avis y arrivent désormais. Les deux adresses sont prévenues.
link-useless = Ce lien ne sert plus
    .text = Il a déjà servi, il est trop ancien, ou ce à quoi il servait a pris fin.
