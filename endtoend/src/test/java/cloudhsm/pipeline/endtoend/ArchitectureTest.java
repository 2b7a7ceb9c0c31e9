package cloudhsm.pipeline.endtoend;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cloudhsm.pipeline.runlocal.deployment.LocalDeployment;
import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaConstructor;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.resolvers.SelectedClassResolverFromClasspath;
import java.io.IOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What may depend on what, read from the classes as they were built. */
class ArchitectureTest {
    private static final String PROVISIONING = "cloudhsm.pipeline.provisioning";
    private static final String REENCRYPTION = "cloudhsm.pipeline.reencryption";
    private static final String LOCALCLOUD = "cloudhsm.pipeline.localcloud";
    private static final String RUNLOCAL = "cloudhsm.pipeline.runlocal";

    private static final String CIRCLE =
            "packages that need each other can only be understood, tested and changed together";

    /** What serves every stage and knows none of them. */
    private static final String[] GENERIC = {
        PROVISIONING + ".lambda..",
        PROVISIONING + ".stage..",
        PROVISIONING + ".input..",
        PROVISIONING + ".price..",
        PROVISIONING + ".deployment..",
        PROVISIONING + ".pki.."
    };

    private static final Path ROOT = LocalDeployment.projectRoot();

    private static final List<Path> MAIN = outputs("classes");

    /** Tests as well, which use what they test. */
    private static final JavaClasses WITH_TESTS = imported();

    private static final JavaClasses CLASSES = WITH_TESTS.that(new DescribedPredicate<>("are no tests") {
        @Override
        public boolean test(JavaClass type) {
            return type.getSource().orElseThrow().getUri().getPath().contains("/target/classes/");
        }
    });

    /** Of libraries' classes only those are read whose methods ours override; reading them all would take minutes. */
    private static JavaClasses imported() {
        ArchConfiguration.get().setClassResolver(SelectedClassResolverFromClasspath.class);
        ArchConfiguration.get().setClassResolverArguments("java.lang", "java.net", "java.security");
        return new ClassFileImporter()
                .importPaths(Stream.concat(MAIN.stream(), outputs("test-classes").stream())
                        .toList());
    }

    /** Of every module that has some. */
    private static List<Path> outputs(String kind) {
        return Stream.of("functions/provisioning", "functions/reencryption", "localcloud", "runlocal", "endtoend")
                .map(module -> ROOT.resolve(module).resolve("target").resolve(kind))
                .filter(Files::isDirectory)
                .toList();
    }

    @Test
    void packagesOfTheProvisioningAreInNoCircle() {
        slices().matching(PROVISIONING + ".(*)..")
                .should()
                .beFreeOfCycles()
                .because(CIRCLE)
                .check(CLASSES);
    }

    @Test
    void packagesOfTheReencryptionAreInNoCircle() {
        slices().matching(REENCRYPTION + ".(**)")
                .should()
                .beFreeOfCycles()
                .because(CIRCLE)
                .allowEmptyShould(true) // as long as it is one package
                .check(CLASSES);
    }

    @Test
    void packagesOfTheEmbeddedAwsAreInNoCircle() {
        slices().matching(LOCALCLOUD + ".(*)..")
                .should()
                .beFreeOfCycles()
                .because(CIRCLE)
                .check(CLASSES);
    }

    @Test
    void packagesOfTheCommandLineAreInNoCircle() {
        slices().matching(RUNLOCAL + ".(*)..")
                .should()
                .beFreeOfCycles()
                .because(CIRCLE)
                .check(CLASSES);
    }

    @Test
    void certificatesNeedTheJdkAndBouncyCastleAlone() {
        classes()
                .that()
                .resideInAPackage(PROVISIONING + ".pki..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(PROVISIONING + ".pki..", "java..", "javax..", "org.bouncycastle..")
                .because("who may be trusted is decided without AWS, and anybody can check it without an account")
                .check(CLASSES);
    }

    @Test
    void whatServesEveryStageKnowsNoStage() {
        noClasses()
                .that(resideInAnyPackage(GENERIC))
                .should()
                .dependOnClassesThat(resideInAPackage(PROVISIONING + "..")
                        .and(DescribedPredicate.not(resideInAnyPackage(GENERIC)))
                        .as("are of one part of the pipeline"))
                .because("a change to one part of the pipeline must not reach the others through what they share")
                .check(CLASSES);
    }

    @Test
    void judgingAnInputNeedsNoAws() {
        noClasses()
                .that(resideInAnyPackage(PROVISIONING + ".input..", PROVISIONING + ".price.."))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("software.amazon.awssdk..")
                .because("whether an input fits is known before AWS is asked, and so are the prices")
                .check(CLASSES);
    }

    @Test
    void clientsOfAwsAreMadeInOnePlace() {
        noClasses()
                .that(resideInAPackage(PROVISIONING + "..")
                        .and(DescribedPredicate.not(resideInAPackage(PROVISIONING + ".lambda..")))
                        .as("are outside of " + PROVISIONING + ".lambda"))
                .should()
                .dependOnClassesThat()
                .haveSimpleNameEndingWith("ClientBuilder")
                .because("the SDK must not repeat CreateHsm and CreateKey, which a client made elsewhere would forget")
                .check(CLASSES);
    }

    @Test
    void theEmbeddedAwsKnowsNothingOfThePipelineItServes() {
        noClasses()
                .that(resideInAPackage(LOCALCLOUD + ".."))
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(PROVISIONING + "..", REENCRYPTION + "..", RUNLOCAL + "..")
                .because("it answers as AWS does, not as the pipeline would like it; a test on it would prove nothing")
                .check(CLASSES);
    }

    @Test
    void theEmbeddedAwsNamesNothingOfThePipelineItServes() throws IOException {
        var named = new ArrayList<String>();
        try (var sources = Files.walk(ROOT.resolve("localcloud/src/main/java"))) {
            for (var source : sources.filter(Files::isRegularFile).toList()) {
                var text = Files.readString(source);
                for (var name :
                        List.of("cloudhsm-pipeline", "template.yaml", "statemachine/", "functions/prov", "run-local")) {
                    if (text.contains(name)) named.add(source.getFileName() + " names " + name);
                }
            }
        }
        assertEquals(List.of(), named, "tags, files and names come from whoever deploys: make it a parameter");
    }

    /** Not what only identifies a request, which AWS calls a client token. */
    private static final Pattern SECRET = Pattern.compile(
            "token|taskToken|sessionToken|.*[pP]assword|passphrase|secret|secretString|secretAccessKey|privateKey"
                    + "|standardInput");

    private static final Set<String> SECRET_TYPES =
            Set.of("Ljava/security/PrivateKey;", "Ljavax/crypto/SecretKey;", "Ljava/security/KeyPair;");

    @Test
    void noRecordPrintsTheSecretThatItHolds() throws IOException {
        var printing = new TreeSet<String>();
        var holding = 0;
        for (var root : MAIN) {
            try (var files = Files.walk(root)) {
                for (var file :
                        files.filter(path -> path.toString().endsWith(".class")).toList()) {
                    var type = ClassFile.of().parse(file);
                    if (!holdsASecret(type)) continue;
                    holding++;
                    if (printsAllItHolds(type)) printing.add(type.thisClass().asInternalName());
                }
            }
        }
        assertEquals(Set.of(), printing, "an exception or a log line would carry it out: give the record a toString");
        assertTrue(holding > 5, "the task tokens of the stages, at least, are held in records");
    }

    private static boolean holdsASecret(ClassModel type) {
        return type.findAttribute(Attributes.record()).stream()
                .flatMap(components -> components.components().stream())
                .anyMatch(component ->
                        SECRET.matcher(component.name().stringValue()).matches()
                                || SECRET_TYPES.contains(component.descriptor().stringValue()));
    }

    /** Whether toString is the one that the compiler gives to a record. */
    private static boolean printsAllItHolds(ClassModel type) {
        return type.methods().stream()
                .filter(method -> method.methodName().equalsString("toString"))
                .flatMap(method -> method.code().stream())
                .flatMap(code -> code.elementStream())
                .anyMatch(element -> element instanceof InvokeDynamicInstruction call
                        && call.bootstrapMethod().owner().displayName().equals("ObjectMethods"));
    }

    @Test
    void everyMemberThatIsNotPublicIsUsed() {
        var unused = CLASSES.stream()
                .flatMap(type -> members(type).stream())
                .filter(member -> !isUsed(member))
                .map(JavaMember::getFullName)
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(Set.of(), unused, "nobody calls or reads it, tests included: delete it");
    }

    /** Of the class itself, not public and written by a person. */
    private static List<JavaMember> members(JavaClass type) {
        var members = new ArrayList<JavaMember>();
        for (var member : type.getMembers()) {
            if (!member.getModifiers().contains(JavaModifier.PUBLIC)
                    && !member.getModifiers().contains(JavaModifier.SYNTHETIC)
                    && !member.getName().startsWith("lambda$")
                    && !member.getName().equals("<clinit>")) members.add(member);
        }
        return members;
    }

    private static boolean isUsed(JavaMember member) {
        return switch (member) {
            case JavaField field ->
                isConstantOfTheCompiler(field) || field.getOwner().isRecord() || isAccessed(field);
            case JavaConstructor constructor -> isCalledByNobodyHere(constructor) || isAccessed(constructor);
            case JavaMethod method -> isOverride(method) || isComponent(method) || isAccessed(method);
            default -> true;
        };
    }

    private static boolean isAccessed(JavaMember member) {
        return member.getAccessesToSelf().stream()
                .map(JavaAccess::getOrigin)
                .anyMatch(origin -> !origin.equals(member));
    }

    /** The compiler puts its value where it is read. */
    private static boolean isConstantOfTheCompiler(JavaField field) {
        return field.getModifiers().contains(JavaModifier.FINAL)
                && (field.getRawType().isPrimitive() || field.getRawType().isEquivalentTo(String.class));
    }

    /**
     * The one of a record or an enum, and those without parameters: the compiler writes them, Lambda and the command
     * line call them by reflection, or they keep a class of functions from being made.
     */
    private static boolean isCalledByNobodyHere(JavaConstructor constructor) {
        var type = constructor.getOwner();
        return type.isRecord()
                || type.isEnum()
                || constructor.getRawParameterTypes().isEmpty();
    }

    private static boolean isComponent(JavaMethod method) {
        return method.getOwner().isRecord()
                && method.getRawParameterTypes().isEmpty()
                && method.getOwner().tryGetField(method.getName()).isPresent();
    }

    private static boolean isOverride(JavaMethod method) {
        var type = method.getOwner();
        return Stream.concat(type.getAllRawSuperclasses().stream(), type.getAllRawInterfaces().stream())
                .flatMap(above -> above.getMethods().stream())
                .anyMatch(above -> sameSignature(above, method));
    }

    private static boolean sameSignature(JavaCodeUnit one, JavaCodeUnit other) {
        return one.getName().equals(other.getName())
                && one.getRawParameterTypes().size()
                        == other.getRawParameterTypes().size();
    }
}
