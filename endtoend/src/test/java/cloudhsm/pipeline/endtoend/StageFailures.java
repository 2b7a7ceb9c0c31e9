package cloudhsm.pipeline.endtoend;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import software.amazon.awssdk.services.kms.model.ConnectionErrorCodeType;

/**
 * The names under which a stage can fail, read from the built classes: every text that looks like one in the handler
 * and in what it uses, but for names of environment variables.
 */
final class StageFailures {
    private static final Pattern NAME = Pattern.compile("[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|TransientAwsFailure");
    private static final String OURS = "cloudhsm/pipeline/";

    private StageFailures() {}

    /** @param handler the handler's class, of the provisioning artifact */
    static Set<String> of(String handler) throws IOException {
        var found = new TreeSet<String>();
        var seen = new HashSet<String>();
        var toRead = new ArrayDeque<>(Set.of(handler.replace('.', '/')));
        Path zip = LocalDeployment.projectRoot().resolve("functions/provisioning/target/provisioning.zip");
        try (var artifact = new ZipFile(zip.toFile())) {
            while (!toRead.isEmpty()) {
                var name = toRead.remove();
                var entry = artifact.getEntry(name + ".class");
                if (!seen.add(name) || entry == null) continue;
                var parsed = ClassFile.of().parse(artifact.getInputStream(entry).readAllBytes());
                found.addAll(names(parsed));
                if (readsConnectionErrors(parsed)) found.addAll(connectionErrors());
                toRead.addAll(used(parsed));
            }
        }
        return found;
    }

    private static Set<String> used(ClassModel parsed) {
        var used = new HashSet<String>();
        for (var entry : parsed.constantPool()) {
            if (entry instanceof ClassEntry type && type.asInternalName().startsWith(OURS))
                used.add(type.asInternalName());
        }
        return used;
    }

    private static Set<String> names(ClassModel parsed) {
        var names = new HashSet<String>();
        for (var method : parsed.methods()) {
            var previous = "";
            for (var element : method.code().map(CodeModel::elementList).orElse(List.of())) {
                if (element instanceof ConstantInstruction constant
                        && constant.constantValue() instanceof String text) {
                    if (NAME.matcher(text).matches()) names.add(text);
                    previous = text;
                } else if (element instanceof InvokeInstruction call
                        && call.name().equalsString("environment")) {
                    names.remove(previous);
                }
            }
        }
        return names;
    }

    /** The stage fails under KMS's own code. */
    private static boolean readsConnectionErrors(ClassModel parsed) {
        for (var entry : parsed.constantPool()) {
            if (entry instanceof MemberRefEntry member && member.name().equalsString("connectionErrorCodeAsString"))
                return true;
        }
        return false;
    }

    private static Set<String> connectionErrors() {
        return Stream.of(ConnectionErrorCodeType.values())
                .map(ConnectionErrorCodeType::toString)
                .collect(Collectors.toSet());
    }
}
