# What all pages share: the frame, codes, what is wrong.

page-skip = Ir al contenido
page-about-store = Sobre este almacén de datos
page-close-message = Cerrar este mensaje
page-demonstration = Demostración: los tokens y las personas son aquí inventados.
page-rehearsal = Ensayo: los lectores y los tokens son aquí simulados.
page-reference = Referencia para el administrador:
page-sign-out = Cerrar sesión
page-language = Idioma
page-copy = Copiar
page-copied = Copiado
page-copy-by-key = Pulse Ctrl+C
page-previous = Anterior
page-next = Siguiente
page-pages = Páginas de esta lista
page-to-start = Al inicio
page-to-sign-in = A la página de entrada
page-to-home = Volver a su página
page-continue = Continuar
page-self-service = Autoservicio
page-ask-whoever = Pregunte a quienes le dieron esta dirección.

page-nothing-here = Aquí no hay nada
page-not-allowed = Esto no está permitido
page-not-signed-in = No ha entrado
    .text = Entre e inténtelo otra vez.
page-not-now = Ahora no
page-did-not-work = Esto no ha funcionado
page-nothing-changed = No se ha cambiado nada
page-no-self-service = En esta dirección no hay autoservicio
    .text = Compruebe la dirección que le dieron, letra por letra, o pregunte a quien se la dio.
page-not-possible = Eso no es posible aquí
    .text = Se ha desactivado o ya no queda nada por hacer.
page-too-old = Esta página es demasiado antigua
    .text = Vuelva a cargar la página y repita lo que hizo.
page-too-many = Demasiados intentos a la vez
    .text = Espere un momento e inténtelo otra vez.
page-changed-meanwhile = Algo ha cambiado entretanto
    .text = Vuelva a su página y mire otra vez.
page-form-broken = El formulario no ha llegado entero
    .text = Vuelva a cargar la página y repita lo que hizo.
page-does-not-work = Esto no funciona en este momento
    .text = No es culpa suya. Inténtelo otra vez dentro de unos minutos.

code = Código
code-first = Primer código
code-next = Código siguiente
code-third = El código de después
code-nth = Código { $nth }
code-challenge = Escriba primero esto en el token:
code-changed = El código ha cambiado.
code-next-in = Código siguiente en { $secs } s
code-empty = Escriba el código que muestra el token.
code-digits = Un código solo tiene cifras.
code-length = { $typed ->
    [one] Se ha escrito { $typed } cifra. Escriba todas las cifras que muestra el token.
   *[other] Se han escrito { $typed } cifras. Escriba todas las cifras que muestra el token.
    }
code-all-digits = Escriba todas las cifras que muestra el token, y ninguna más.
code-hex = Un código de este token tiene seis caracteres: del 0 al 9 y de la a a la f.
code-key = Su llave escribe el código ella misma: ponga el cursor aquí y tóquela.
    .layout = Ninguna llave escribe esto: cambie el teclado a inglés y toque la llave otra vez.
code-same-twice = Es otra vez el mismo código: espere a que cambie la pantalla o pulse otra vez.
code-next-too = Escriba también el código siguiente.

problem-too-long = Es demasiado largo: caben como mucho { $max } caracteres.
problem-character = El carácter en la posición { $position } no está permitido aquí.
problem-login-empty = Escriba su nombre de usuario.
problem-serial-number-empty = Escriba el número de serie.
problem-serial-number-form = Un número de serie no consta solo de espacios y guiones.
problem-e-mail-address-empty = Escriba la dirección de correo.
problem-e-mail-address-form = Una dirección de correo es como name@example.org.
problem-phone-number-empty = Escriba el número de teléfono.
problem-phone-number-form = Un número de teléfono lleva el prefijo de su país, como +49 30 123456.

# What the frame says of requests that reach no page.
problem-not-found = En esta dirección no hay nada.
problem-method-not-allowed = Esta dirección no se puede abrir de esta manera.
problem-path-malformed = Esta dirección no es texto UTF-8.
problem-foreign-origin = Esta petición no viene de una página de este servicio.
problem-host-not-allowed = Este servicio no responde con este nombre de host; debe constar en allowed_hosts.
problem-too-many-requests = Demasiadas peticiones a la vez.
problem-stale = El registro ha cambiado entretanto: inténtelo otra vez.
problem-store-unavailable = El almacén de datos se está reabriendo después de un fallo.
problem-store-full = El disco del servicio está lleno.
problem-unexpected = Algo ha ido mal aquí; el registro dice más.
