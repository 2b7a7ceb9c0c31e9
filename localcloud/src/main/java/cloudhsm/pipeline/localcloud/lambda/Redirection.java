package cloudhsm.pipeline.localcloud.lambda;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/**
 * Rewrites class files so that a function reads its own environment, clock and standard output, not this JVM's.
 *
 * <p>A call site names its target by an entry of the constant pool: class, name and type. {@link Invocation} has
 * members of the same names and types, so it is enough to let the entry name another class. Code, stack maps and
 * line numbers stay as they were built, and method references ({@code System::getenv}) are covered too.
 *
 * @see <a href="https://docs.oracle.com/javase/specs/jvms/se25/html/jvms-4.html#jvms-4.4">JVMS, The Constant Pool</a>
 */
final class Redirection {
    private static final String TARGET = Invocation.class.getName().replace('.', '/');
    private static final Set<String> OF_SYSTEM = Set.of("getenv", "out", "err");

    private static final int UTF8 = 1;
    private static final int LONG = 5;
    private static final int DOUBLE = 6;
    private static final int CLASS = 7;
    private static final int FIELD_REFERENCE = 9;
    private static final int METHOD_REFERENCE = 10;
    private static final int NAME_AND_TYPE = 12;

    private final byte[] original;
    private int[] offsets = new int[0];
    private int poolEnd;

    private Redirection(byte[] original) {
        this.original = original;
    }

    /** The class file with its references redirected, or the same array where there is nothing to redirect. */
    static byte[] redirect(byte[] classFile) {
        // Class files are Latin-1 superset enough for a first look: most classes name neither.
        var text = new String(classFile, StandardCharsets.ISO_8859_1);
        if (!text.contains("java/lang/System") && !text.contains("java/time/Clock")) {
            return classFile;
        }
        try {
            return new Redirection(classFile).redirected();
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    private byte[] redirected() throws IOException {
        readPool();
        var copy = original.clone();
        var newClass = offsets.length + 1;
        var changed = false;
        for (var entry : offsets) {
            if (entry == 0 || (tag(entry) != METHOD_REFERENCE && tag(entry) != FIELD_REFERENCE)) continue;
            var owner = text(offsets[unsigned(offsets[unsigned(entry + 1)] + 1)]);
            var name = text(offsets[unsigned(offsets[unsigned(entry + 3)] + 1)]);
            if (!isRedirected(owner, name)) continue;
            copy[entry + 1] = (byte) (newClass >> 8);
            copy[entry + 2] = (byte) newClass;
            changed = true;
        }
        return changed ? withTarget(copy) : original;
    }

    private boolean isRedirected(String owner, String name) {
        return owner.equals("java/lang/System") && OF_SYSTEM.contains(name)
                || owner.equals("java/time/Clock") && name.equals("systemUTC");
    }

    /** Appends the name of {@link Invocation} and a class entry for it to the constant pool. */
    private byte[] withTarget(byte[] copy) throws IOException {
        var bytes = new ByteArrayOutputStream(copy.length + 128);
        var out = new DataOutputStream(bytes);
        out.write(copy, 0, 8);
        out.writeShort(offsets.length + 2);
        out.write(copy, 10, poolEnd - 10);
        out.writeByte(UTF8);
        out.writeUTF(TARGET);
        out.writeByte(CLASS);
        out.writeShort(offsets.length);
        out.write(copy, poolEnd, copy.length - poolEnd);
        return bytes.toByteArray();
    }

    private void readPool() {
        offsets = new int[unsigned(8)];
        int at = 10;
        for (int i = 1; i < offsets.length; i++) {
            offsets[i] = at;
            var tag = tag(at);
            at += switch (tag) {
                case UTF8 -> 3 + unsigned(at + 1);
                case LONG, DOUBLE -> 9;
                case CLASS, 8, 16, 19, 20 -> 3; // class, string, method type, module, package
                case 15 -> 4; // method handle
                case 3, 4, FIELD_REFERENCE, METHOD_REFERENCE, 11, NAME_AND_TYPE, 17, 18 -> 5;
                default -> throw new ClassFormatError("Unknown constant pool tag " + tag);
            };
            if (tag == LONG || tag == DOUBLE) i++; // they take two indexes (JVMS 4.4.5)
        }
        poolEnd = at;
    }

    private int tag(int offset) {
        return original[offset] & 0xff;
    }

    private int unsigned(int offset) {
        return (original[offset] & 0xff) << 8 | original[offset + 1] & 0xff;
    }

    private String text(int offset) throws IOException {
        var length = unsigned(offset + 1) + 2;
        return new DataInputStream(new ByteArrayInputStream(original, offset + 1, length)).readUTF();
    }
}
