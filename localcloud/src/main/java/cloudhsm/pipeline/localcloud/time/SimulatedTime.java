package cloudhsm.pipeline.localcloud.time;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.PriorityQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * The embedded AWS's own time: work is scheduled for an instant, and the clock jumps from one instant to the next when
 * nothing runs. One thread runs all scheduled work, one piece after the other, in the order of instant and then of
 * scheduling, so a run can be repeated exactly. In paced mode the same work waits for its moment on the real clock,
 * at a given multiple of real time; the clock rests while work runs, as it does when it jumps, because a Lambda that
 * computes for one real second has not taken ten simulated minutes.
 *
 * <p>One lock guards the state of every service: request handlers and scheduled work hold it, and what else reads or
 * changes that state runs as {@link #locked(Supplier)} work. Work that calls back into the embedded AWS over HTTP (a Lambda,
 * a shell script on an instance) must not hold it: schedule that with
 * {@link #scheduleUnlocked}.
 */
public final class SimulatedTime {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final PriorityQueue<Scheduled> queue = new PriorityQueue<>();
    private final Clock clock = new SimulatedClock();
    private long sequence;
    private volatile Instant now;
    private boolean driving;

    /** 0 while time jumps; otherwise simulated seconds per real second. */
    private volatile double speed;

    private Instant pacedFrom;
    private long pacedFromNanos;
    private boolean resting;
    private boolean stopped;

    private volatile Supplier<String> explanation = () -> "";

    /** The real clock of paced mode, in nanoseconds. */
    private final LongSupplier nanos;

    public SimulatedTime(Instant start) {
        this(start, System::nanoTime);
    }

    SimulatedTime(Instant start, LongSupplier nanos) {
        this.now = start;
        this.nanos = nanos;
    }

    /** A piece of work that waits for its instant; may be cancelled until it has started. */
    public final class Scheduled implements Comparable<Scheduled> {
        private final Instant due;
        private final long order;
        private final String label;
        private final Runnable work;
        private final boolean locked;

        private Scheduled(Instant due, String label, Runnable work, boolean locked) {
            this.due = due;
            this.order = sequence++;
            this.label = label;
            this.work = work;
            this.locked = locked;
        }

        public Instant due() {
            return due;
        }

        /** What the work is, for the message when a run gets stuck. */
        public String label() {
            return label;
        }

        public void cancel() {
            SimulatedTime.this.locked(() -> queue.remove(this));
        }

        @Override
        public int compareTo(Scheduled other) {
            var byDue = due.compareTo(other.due);
            return byDue != 0 ? byDue : Long.compare(order, other.order);
        }
    }

    /** What the work returns, run holding the lock that guards the state of all services; reentrant. */
    public <T> T locked(Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /** Runs the work holding the lock that guards the state of all services; reentrant. */
    public void locked(Runnable work) {
        lock.lock();
        try {
            work.run();
        } finally {
            lock.unlock();
        }
    }

    /** Whether this thread holds that lock. */
    public boolean isLockedByThisThread() {
        return lock.isHeldByCurrentThread();
    }

    /** The simulated time as a {@link Clock} in UTC. */
    public Clock clock() {
        return clock;
    }

    public Instant now() {
        if (speed == 0) return now;
        return locked(() -> {
            if (resting) return now;
            var paced = pacedFrom.plusNanos((long) ((nanos.getAsLong() - pacedFromNanos) * speed));
            // Work that is late on the real clock still sees time in order.
            if (paced.isAfter(now)) now = paced;
            return now;
        });
    }

    /** Schedules work that changes the state of services; it runs holding the lock. */
    public Scheduled schedule(Duration delay, String label, Runnable work) {
        return add(delay, label, work, true);
    }

    /** Schedules work that calls the endpoint over HTTP (Lambdas, shell scripts); it runs without the lock. */
    public Scheduled scheduleUnlocked(Duration delay, String label, Runnable work) {
        return add(delay, label, work, false);
    }

    private Scheduled add(Duration delay, String label, Runnable work, boolean locked) {
        return locked(() -> {
            var scheduled = new Scheduled(now().plus(delay), label, work, locked);
            queue.add(scheduled);
            changed.signalAll();
            return scheduled;
        });
    }

    /** Lets this much simulated time pass, running everything that falls due in it. Only while time jumps. */
    public void advance(Duration duration) {
        var until = now().plus(duration);
        drive(() -> takeDueBy(until));
        locked(() -> {
            if (now.isBefore(until)) now = until;
        });
    }

    /** What {@link #runUntil} says, beside what comes next, when it gives up: one sentence, or "". */
    public void explainBy(Supplier<String> explanation) {
        this.explanation = explanation;
    }

    /**
     * Jumps from one piece of work to the next until the condition holds.
     *
     * @param condition is asked without the lock, so it may call the endpoint
     * @param limit how much simulated time may pass
     * @throws IllegalStateException if nothing is scheduled any more, or the limit has passed, before it holds
     */
    public void runUntil(BooleanSupplier condition, Duration limit) {
        var deadline = now().plus(limit);
        drive(() -> {
            if (condition.getAsBoolean()) return null;
            var next = takeDueBy(deadline);
            if (next != null) return next;
            throw new IllegalStateException("What was waited for has not happened within " + limit
                    + " of simulated time; next would be: " + nextLabel() + ". " + explanation.get());
        });
    }

    /** Takes the next piece of work, and time with it, if it falls due by then; null otherwise. */
    private Scheduled takeDueBy(Instant deadline) {
        return locked(() -> {
            if (queue.isEmpty() || queue.peek().due.isAfter(deadline)) return null;
            var next = queue.remove();
            if (next.due.isAfter(now)) now = next.due;
            return next;
        });
    }

    private String nextLabel() {
        return locked(() -> queue.isEmpty() ? "nothing" : queue.peek().label);
    }

    private void drive(Supplier<Scheduled> taken) {
        locked(() -> {
            if (speed != 0) throw new IllegalStateException("Time is paced; it cannot be advanced by hand");
            if (driving) throw new IllegalStateException("Scheduled work must not advance the clock itself");
            driving = true;
        });
        try {
            for (var next = taken.get(); next != null; next = taken.get()) run(next);
        } finally {
            driving = false;
        }
    }

    private void run(Scheduled scheduled) {
        if (scheduled.locked) locked(scheduled.work);
        else scheduled.work.run();
    }

    /**
     * From now on simulated time follows the real clock at this multiple, on a thread of its own, until {@link #stop}.
     *
     * @param multiple simulated seconds per real second; more than 0
     */
    public void pace(double multiple) {
        if (!(multiple > 0)) throw new IllegalArgumentException("The speed must be more than 0, not " + multiple);
        locked(() -> {
            speed = multiple;
            goOn();
        });
        Thread.ofPlatform().name("simulated-time").daemon().start(this::runPaced);
    }

    private void runPaced() {
        while (true) {
            Scheduled next;
            lock.lock();
            try {
                while (!stopped && (queue.isEmpty() || queue.peek().due.isAfter(now()))) {
                    var simulated = queue.isEmpty() ? Duration.ofHours(1) : Duration.between(now(), queue.peek().due);
                    changed.awaitNanos((long) Math.ceil(simulated.toNanos() / speed) + 1);
                }
                if (stopped) return;
                next = queue.remove();
                resting = true;
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                return;
            } finally {
                lock.unlock();
            }
            run(next);
            locked(this::goOn);
        }
    }

    /** Paced time continues where it stands. */
    private void goOn() {
        pacedFrom = now;
        pacedFromNanos = nanos.getAsLong();
        resting = false;
    }

    /** Ends the thread of paced mode; scheduled work that has not started never will. */
    public void stop() {
        locked(() -> {
            stopped = true;
            queue.clear();
            changed.signalAll();
        });
    }

    private final class SimulatedClock extends Clock {
        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            if (!zone.equals(ZoneOffset.UTC)) throw new UnsupportedOperationException("Simulated time is UTC");
            return this;
        }

        @Override
        public Instant instant() {
            return SimulatedTime.this.now();
        }
    }
}
