/*
 * SPDX-License-Identifier: MIT
 *
 * The protocol of src/policy/pool.c, step by step, under the names that the
 * essay there gives them. Two threads begin handshakes, pass them on to one
 * another, go on with them and end them; a third one replaces the active
 * generation twice. A machine looks at every order of the steps for
 *
 *	a touch of a generation that is freed (touch),
 *	a retired one that is still there when all is over.
 *
 * With -DOLD_UNPIN an unpin looks at the generation after the pin was given up,
 * as it once did; with -DNO_MARK, who pins by number does not look at the mark;
 * with -DNO_ASKING, nobody asks again after a "not yet". Each must fail. With
 * -DIMPATIENT, a generation need not wait for those that remember it.
 */
#define THREADS 2
#define GENERATIONS 3
#define S(t, g) ((t) * GENERATIONS + (g))

byte current;
bool lock, blocked;
bool hazard[THREADS];
bool retired[GENERATIONS], freed[GENERATIONS];
short ended[GENERATIONS];
/* A thread's slots: its own memory. */
bool made[THREADS * GENERATIONS], marked[THREADS * GENERATIONS];
bool dead[THREADS * GENERATIONS];
byte pins[THREADS * GENERATIONS];
short begun[THREADS * GENERATIONS];

chan passed = [THREADS] of { byte };
byte finished;

#define ENTER() atomic { !lock -> lock = true }
#define LEAVE() lock = false

inline touch(g) { assert(!freed[g]) }

/* Under the lock. */
inline mark(g, value)
{
	d_step { dead[S(0, g)] = value; dead[S(1, g)] = value }
}

inline try_free(g)
{
	if
	:: hazard[0] || hazard[1] -> was_blocked = true	/* C2 */
	:: else ->
		mark(g, true);				/* C3 */
		if
		:: pins[S(0, g)] > 0 -> mark(g, false)	/* C4 */
		:: else ->
			if
			:: pins[S(1, g)] > 0 -> mark(g, false)
			:: else ->
				sum = begun[S(0, g)];	/* C5 */
				sum = sum + begun[S(1, g)];
				sum = sum - ended[g];
				if
				:: sum > 0 -> mark(g, false)
#ifdef IMPATIENT
				:: sum > 0 -> freed[g] = true
#endif
				:: sum <= 0 -> freed[g] = true	/* C6 */
				fi
			fi
		fi
	fi
}

inline reclaim()
{
	ENTER();
	blocked = true;					/* C1 */
	was_blocked = false;
	i = 0;
	do
	:: i < GENERATIONS ->
		if
		:: retired[i] && !freed[i] -> try_free(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	blocked = was_blocked;
	LEAVE()
}

inline make_slot_nolock(t, g)
{
	if
	:: made[S(t, g)]
	:: else -> d_step { marked[S(t, g)] = retired[g]; made[S(t, g)] = true }
	fi
}

inline unhazard(t)
{
	hazard[t] = false;				/* P5, U4 */
#ifndef NO_ASKING
	if
	:: blocked -> reclaim()
	:: else
	fi
#endif
}

inline pin(t, g)
{
	hazard[t] = true;				/* P1, P2 */
	g = current;					/* P3 */
	touch(g);
	if
	:: made[S(t, g)]
	:: else -> ENTER(); make_slot_nolock(t, g); LEAVE()
	fi;
	pins[S(t, g)]++;				/* P4 */
	unhazard(t)
}

inline unpin(t, g)
{
#ifdef OLD_UNPIN
	hazard[t] = true;
	pins[S(t, g)]--;
	touch(g);
	old = retired[g];
	unhazard(t);
	if
	:: old -> reclaim()
	:: else
	fi
#else
	pins[S(t, g)]--;				/* U1 */
#ifndef NO_ASKING
	if
	:: marked[S(t, g)] -> reclaim()			/* U2 */
	:: else
	fi
#endif
#endif
}

inline pin_number(t, g)
{
	found = false;
	if
	:: made[S(t, g)] ->
		pins[S(t, g)]++;			/* N1 */
#ifdef NO_MARK
		found = true
#else
		if
		:: !dead[S(t, g)] -> found = true	/* N2 */
		:: else -> unpin(t, g)
		fi
#endif
	:: else
	fi;
	if
	:: found
	:: else ->
		ENTER();
		if
		:: freed[g]
		:: else ->
			make_slot_nolock(t, g);
			pins[S(t, g)]++;
			found = true
		fi;
		LEAVE()
	fi
}

inline forget(t, g)
{
	if
	:: made[S(t, g)] ->
		begun[S(t, g)]--;			/* E1 */
#ifndef NO_ASKING
		if
		:: marked[S(t, g)] -> reclaim()		/* E2 */
		:: else
		fi
#endif
	:: else ->
		ENTER();
		ended[g]++;
		LEAVE();
		reclaim()
	fi
}

proctype thread(byte t)
{
	byte g, i;
	bool was_blocked, found, old;
	short sum;

	pin(t, g);
	touch(g);
	begun[S(t, g)]++;				/* P6 */
	unpin(t, g);
	passed ! g;
	passed ? g;
	if
	:: true ->
		pin_number(t, g);
		if
		:: found ->
			touch(g);
			forget(t, g);
			touch(g);
			unpin(t, g)
		:: else ->
			forget(t, g)
		fi
	:: true -> forget(t, g)	/* the client has left */
	fi;
	finished++
}

proctype replace()
{
	byte i, before;
	bool was_blocked;
	short sum;

	do
	:: current < GENERATIONS - 1 ->
		ENTER();
		before = current;
		current = before + 1;			/* R1 */
		d_step {				/* R2 */
			retired[before] = true;
			marked[S(0, before)] = made[S(0, before)];
			marked[S(1, before)] = made[S(1, before)]
		};
		LEAVE();
		reclaim()				/* R3 */
	:: else -> break
	od;
	finished++
}

init
{
	atomic { run thread(0); run thread(1); run replace() };
	finished == THREADS + 1;
	assert(freed[0] && freed[1] && !freed[2])
}
