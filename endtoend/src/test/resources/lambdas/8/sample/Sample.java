package sample;

import java.util.*;
import java.util.function.*;

/** Each kind of lambda and method reference, captured value and conversion. */
public class Sample extends Base implements Supplier<String> {
    private final String name = "sample";
    private long counted;

    private Sample(String ignored) {}

    public Sample() {}

    private String hidden(String of) {
        return name + "'s own " + of;
    }

    private static String twice(Object text) {
        return text + "" + text;
    }

    static long wide(long value) {
        return value + 1;
    }

    static Integer boxed(Object any) {
        return 7;
    }

    long count(String text) {
        return counted += text.length();
    }

    public String get() {
        StringBuilder out = new StringBuilder();
        byte b = 1;
        short s = 2;
        char c = 'c';
        boolean t = true;
        float f = 1.5f;
        double d = 2.5;
        long l = 4;
        int i = 3;
        Supplier<String> captured =
                () -> b + "," + s + "," + c + "," + t + "," + f + "," + d + "," + l + "," + i + name;
        out.append(captured.get()).append('\n');
        BiFunction<Long, Double, String> both = (x, y) -> l + x + d + y + name;
        out.append(both.apply(5L, 6.5)).append('\n');
        Function<String, String> own = this::hidden;
        Function<Object, String> statically = Sample::twice;
        Function<String, Sample> made = Sample::new;
        IntFunction<int[]> array = int[]::new;
        Function<Integer, Long> widened = Sample::wide;
        ToLongFunction<Object> unboxed = Sample::boxed;
        ToDoubleFunction<Integer> toDouble = Integer::intValue;
        Supplier<Object> boxing = name::length;
        Consumer<String> dropped = this::count;
        BiConsumer<List<String>, String> dropsBoolean = List::add;
        Function<CharSequence, Integer> throughInterface = CharSequence::length;
        Comparator<String> order = Comparator.comparing(String::length);
        IntBinaryOperator sum = (x, y) -> x + y;
        LongFunction<String> longs = value -> "long " + value + d;
        ObjIntConsumer<StringBuilder> appends = (to, value) -> to.append(value);
        Supplier<Supplier<String>> nested = () -> () -> name + i;
        Supplier<String> inherited = super::told;
        Supplier<String> fromInterface = Spoken.of(name);
        List<String> list = new ArrayList<>(Arrays.asList("ccc", "a", "bb"));
        dropsBoolean.accept(list, "dddd");
        list.sort(order.reversed());
        dropped.accept("four");
        appends.accept(out, 9);
        out.append(own.apply("x"))
                .append(statically.apply(8))
                .append(made.apply("y").name)
                .append(array.apply(3).length)
                .append(widened.apply(41))
                .append(unboxed.applyAsLong(""))
                .append(toDouble.applyAsDouble(2))
                .append(boxing.get())
                .append(throughInterface.apply("abc"))
                .append(list)
                .append(counted)
                .append(sum.applyAsInt(1, 2))
                .append(longs.apply(10L))
                .append(nested.get().get())
                .append(inherited.get())
                .append(fromInterface.get())
                .append(told())
                .append(new Lower().both());
        try {
            @SuppressWarnings({"unchecked", "rawtypes"})
            Object never = ((Function) own).apply(1);
        } catch (ClassCastException refused) {
            out.append(" refused");
        }
        try {
            @SuppressWarnings({"unchecked", "rawtypes"})
            Optional<CharSequence> polluted = (Optional) Optional.of(1);
            Text text = polluted::get;
            out.append(text.text().length());
        } catch (ClassCastException refused) {
            out.append(" refused too");
        }
        return out.toString();
    }

    String told() {
        return "overridden";
    }
}

class Base {
    String told() {
        return "told";
    }
}

interface Text {
    CharSequence text();
}

interface Spoken {
    static Supplier<String> of(String name) {
        return () -> quoted(name);
    }

    static String quoted(String name) {
        return "<" + name + ">";
    }

    default Supplier<String> again(String name) {
        return () -> of(name).get() + this;
    }
}

/** The compiler gives its lambda's body the name that its subclass's has. */
class Upper implements Spoken {
    Supplier<String> first() {
        return () -> "upper " + say();
    }

    private String say() {
        return "U";
    }

    Supplier<String> said() {
        return this::say;
    }

    public String toString() {
        return "upper";
    }
}

class Lower extends Upper {
    Supplier<String> second() {
        return () -> "lower " + say();
    }

    String say() {
        return "L";
    }

    String both() {
        return first().get() + second().get() + said().get() + again("again").get();
    }
}
