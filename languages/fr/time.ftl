# Dates, durations and clocks.

time-month = { $month ->
    [1] janvier
    [2] février
    [3] mars
    [4] avril
    [5] mai
    [6] juin
    [7] juillet
    [8] août
    [9] septembre
    [10] octobre
    [11] novembre
   *[12] décembre
    }
time-day = 
    { $day ->
        [1] 1er
       *[other] { $day }
    } { time-month }
time-day-and-year = 
    { $day ->
        [1] 1er
       *[other] { $day }
    } { time-month } { $year }
time-today = aujourd’hui { $time } UTC
time-yesterday = hier { $time } UTC
time-tomorrow = demain { $time } UTC
time-at = { $day } { $time } UTC
time-secs = { $secs } s
time-mins = { $shown } min
time-mins-secs = { $shown } min { $small } s
time-hours = { $shown } h
time-hours-mins = { $shown } h { $small } min
time-days = { $large ->
    [one] { $shown } jour
   *[other] { $shown } jours
    }
time-days-hours = { $large ->
    [one] { $shown } jour { $small } h
   *[other] { $shown } jours { $small } h
    }
time-clock-right = est à l’heure
time-clock-slow = retarde de { $duration }
time-clock-fast = avance de { $duration }
