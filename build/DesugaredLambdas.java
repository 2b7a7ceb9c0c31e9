import static java.lang.constant.ConstantDescs.CD_Boolean;
import static java.lang.constant.ConstantDescs.CD_Byte;
import static java.lang.constant.ConstantDescs.CD_Character;
import static java.lang.constant.ConstantDescs.CD_Double;
import static java.lang.constant.ConstantDescs.CD_Float;
import static java.lang.constant.ConstantDescs.CD_Integer;
import static java.lang.constant.ConstantDescs.CD_Long;
import static java.lang.constant.ConstantDescs.CD_Object;
import static java.lang.constant.ConstantDescs.CD_Short;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_byte;
import static java.lang.constant.ConstantDescs.CD_char;
import static java.lang.constant.ConstantDescs.CD_double;
import static java.lang.constant.ConstantDescs.CD_float;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_short;
import static java.lang.constant.ConstantDescs.CD_void;
import static java.lang.constant.ConstantDescs.INIT_NAME;
import static java.lang.constant.ConstantDescs.MTD_void;

import java.io.ByteArrayInputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.AttributesProcessingOption;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.ConstantPoolSharingOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.classfile.attribute.NestHostAttribute;
import java.lang.classfile.attribute.NestMembersAttribute;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.SwitchCase;
import java.lang.constant.ClassDesc;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.LambdaMetafactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes ordinary classes of lambdas and method references when a function is built. The JVM otherwise makes a class of
 * each one when it is first reached, and a start of the AWS SDK reaches 800 of them, most of them the getters and
 * setters of the service's model.
 *
 * <p>All lambdas of a class that implement the same interface and capture values of the same types become one class,
 * whose method branches by a number. It is a nest mate of theirs, for their bodies stay the private methods that the
 * compiler made of them. Classes for Java 11 or newer, which may have nest mates already, are left as they are, and so
 * are serializable lambdas and classes that refer to others which are not there.
 *
 * @see LambdaMetafactory
 */
final class DesugaredLambdas {
    private static final ClassDesc METAFACTORY = ClassDesc.of(LambdaMetafactory.class.getName());
    private static final Map<ClassDesc, ClassDesc> BOXES = Map.of(
            CD_boolean, CD_Boolean,
            CD_byte, CD_Byte,
            CD_char, CD_Character,
            CD_short, CD_Short,
            CD_int, CD_Integer,
            CD_long, CD_Long,
            CD_float, CD_Float,
            CD_double, CD_Double);

    private final Map<String, byte[]> known = new HashMap<>();
    private final ClassFile classFiles = ClassFile.of(
            ConstantPoolSharingOption.NEW_POOL,
            AttributesProcessingOption.DROP_UNKNOWN_ATTRIBUTES, // which would refer to the old pool
            ClassHierarchyResolverOption.of(ClassHierarchyResolver.ofResourceParsing(this::content)
                    .orElse(ClassHierarchyResolver.defaultResolver())));

    /** What the lambdas have in common that become one class; the names are those of {@link LambdaMetafactory}. */
    private record Group(String interfaceMethodName, MethodTypeDesc factoryType, MethodTypeDesc interfaceMethodType) {
        private ClassDesc functionalInterface() {
            return factoryType.returnType();
        }

        private List<ClassDesc> captured() {
            return factoryType.parameterList();
        }
    }

    private record Lambda(DirectMethodHandleDesc implementation, MethodTypeDesc dynamicMethodType) {
        private static Lambda of(InvokeDynamicInstruction instruction) {
            var arguments = instruction.bootstrapArgs();
            return new Lambda((DirectMethodHandleDesc) arguments.get(1), (MethodTypeDesc) arguments.get(2));
        }
    }

    /** The lambdas of one class, each in its group. */
    private static final class Groups {
        private final ClassDesc enclosing;
        private final Map<Group, List<Lambda>> groups = new LinkedHashMap<>();

        private Groups(ClassDesc enclosing) {
            this.enclosing = enclosing;
        }

        /** Replaces the instruction by a call of the method that returns the same lambda. */
        private void replace(CodeBuilder code, InvokeDynamicInstruction instruction) {
            var group = new Group(instruction.name().stringValue(), instruction.typeSymbol(), (MethodTypeDesc)
                    instruction.bootstrapArgs().getFirst());
            var lambdas = groups.computeIfAbsent(group, none -> new ArrayList<>());
            var lambda = Lambda.of(instruction);
            if (!lambdas.contains(lambda)) lambdas.add(lambda);
            code.invokestatic(name(group), factory(lambdas.indexOf(lambda)), group.factoryType());
        }

        private ClassDesc name(Group group) {
            var number = List.copyOf(groups.keySet()).indexOf(group);
            return ClassDesc.ofInternalName(internalName(enclosing) + "$$Lambda" + number);
        }

        private List<ClassDesc> names() {
            return groups.keySet().stream().map(this::name).toList();
        }
    }

    /** Classes that those to be desugared may refer to, and those themselves; anything that is no class is ignored. */
    void know(String entry, byte[] content) {
        if (entry.endsWith(".class")) known.put(entry, content);
    }

    /**
     * What the entry becomes: itself, and the classes of its lambdas.
     *
     * @throws IllegalStateException if the JVM would not accept what came out
     */
    Map<String, byte[]> desugared(String entry, byte[] content) {
        var entries = new LinkedHashMap<String, byte[]>();
        entries.put(entry, content);
        if (!entry.endsWith(".class") || entry.startsWith("META-INF/")) return entries;
        var original = classFiles.parse(content);
        if (original.majorVersion() >= ClassFile.JAVA_11_VERSION || !hasLambdas(original)) return entries;
        if (!classFiles.verify(original).isEmpty()) return entries; // refers to classes that are not there
        var groups = new Groups(original.thisClass().asSymbol());
        var replaced = classFiles.transformClass(original, ClassTransform.transformingMethodBodies((code, element) -> {
            if (isLambda(element)) groups.replace(code, (InvokeDynamicInstruction) element);
            else code.with(element);
        }));
        entries.put(entry, verified(withNestMembers(classFiles.parse(replaced), groups.names())));
        groups.groups.forEach((group, lambdas) -> {
            var name = groups.name(group);
            entries.put(internalName(name) + ".class", verified(classOf(name, groups.enclosing, group, lambdas)));
        });
        return entries;
    }

    private static boolean hasLambdas(ClassModel model) {
        return model.methods().stream()
                .flatMap(method -> method.code().stream())
                .flatMap(CodeModel::elementStream)
                .anyMatch(DesugaredLambdas::isLambda);
    }

    private static boolean isLambda(CodeElement element) {
        return element instanceof InvokeDynamicInstruction instruction
                && instruction.bootstrapMethod().owner().equals(METAFACTORY)
                && instruction.bootstrapMethod().methodName().equals("metafactory");
    }

    private byte[] withNestMembers(ClassModel host, List<ClassDesc> members) {
        return classFiles.transformClass(
                host,
                ClassTransform.dropping(ClassFileVersion.class::isInstance)
                        .andThen(ClassTransform.endHandler(end -> end.withVersion(ClassFile.JAVA_11_VERSION, 0)
                                .with(NestMembersAttribute.ofSymbols(members)))));
    }

    private byte[] verified(byte[] content) {
        var errors = classFiles.verify(content);
        if (errors.isEmpty()) return content;
        var name = classFiles.parse(content).thisClass().asInternalName();
        throw new IllegalStateException(name + " is not valid with its lambdas desugared: " + errors.getFirst());
    }

    private byte[] classOf(ClassDesc name, ClassDesc host, Group group, List<Lambda> lambdas) {
        return classFiles.build(name, definition -> {
            definition
                    .withVersion(ClassFile.JAVA_11_VERSION, 0)
                    .withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SUPER | ClassFile.ACC_SYNTHETIC)
                    .withInterfaceSymbols(group.functionalInterface())
                    .with(NestHostAttribute.of(host));
            var fields = new LinkedHashMap<String, ClassDesc>();
            fields.put("number", CD_int);
            for (var type : group.captured()) fields.put(captured(fields.size() - 1), type);
            fields.forEach((field, type) -> definition.withField(field, type, ClassFile.ACC_FINAL));
            var constructor = MethodTypeDesc.of(CD_void, List.copyOf(fields.values()));
            definition.withMethodBody(INIT_NAME, constructor, 0, code -> {
                code.aload(0).invokespecial(CD_Object, INIT_NAME, MTD_void);
                int parameter = 0;
                for (var field : fields.entrySet()) {
                    code.aload(0)
                            .loadLocal(TypeKind.from(field.getValue()), code.parameterSlot(parameter++))
                            .putfield(name, field.getKey(), field.getValue());
                }
                code.return_();
            });
            for (int i = 0; i < lambdas.size(); i++) {
                int number = i;
                definition.withMethodBody(factory(i), group.factoryType(), ClassFile.ACC_STATIC, code -> {
                    code.new_(name).dup().loadConstant(number);
                    for (int c = 0; c < group.captured().size(); c++)
                        code.loadLocal(TypeKind.from(group.captured().get(c)), code.parameterSlot(c));
                    code.invokespecial(name, INIT_NAME, constructor).areturn();
                });
            }
            definition.withMethodBody(
                    group.interfaceMethodName(),
                    group.interfaceMethodType(),
                    ClassFile.ACC_PUBLIC,
                    code -> branch(code, name, group, lambdas));
        });
    }

    private static void branch(CodeBuilder code, ClassDesc self, Group group, List<Lambda> lambdas) {
        var labels = new ArrayList<Label>();
        var cases = new ArrayList<SwitchCase>();
        for (int i = 0; i < lambdas.size(); i++) {
            labels.add(code.newLabel());
            cases.add(SwitchCase.of(i, labels.get(i)));
        }
        if (lambdas.size() > 1) code.aload(0).getfield(self, "number", CD_int).tableswitch(labels.getFirst(), cases);
        for (int i = 0; i < lambdas.size(); i++) {
            code.labelBinding(labels.get(i));
            call(code, self, group, lambdas.get(i));
        }
    }

    /** Calls the lambda's body as the class that the JVM would have made does. */
    private static void call(CodeBuilder code, ClassDesc self, Group group, Lambda lambda) {
        var implementation = lambda.implementation();
        var type = implementation.invocationType();
        if (implementation.kind() == DirectMethodHandleDesc.Kind.CONSTRUCTOR)
            code.new_(implementation.owner()).dup();
        int captured = group.captured().size();
        for (int i = 0; i < captured; i++)
            code.aload(0).getfield(self, captured(i), group.captured().get(i));
        for (int i = 0; i < group.interfaceMethodType().parameterCount(); i++) {
            var erased = group.interfaceMethodType().parameterType(i);
            var actual = lambda.dynamicMethodType().parameterType(i);
            code.loadLocal(TypeKind.from(erased), code.parameterSlot(i));
            convert(code, erased, actual);
            convert(code, actual, type.parameterType(captured + i));
        }
        invoke(code, implementation);
        var result = type.returnType();
        var wanted = group.interfaceMethodType().returnType();
        if (!wanted.equals(CD_void))
            convert(code, result, lambda.dynamicMethodType().returnType());
        else if (TypeKind.from(result).slotSize() == 2) code.pop2();
        else if (!result.equals(CD_void)) code.pop();
        code.return_(TypeKind.from(wanted));
    }

    private static void invoke(CodeBuilder code, DirectMethodHandleDesc method) {
        var type = MethodTypeDesc.ofDescriptor(method.lookupDescriptor());
        var owner = method.owner();
        switch (method.kind()) {
            case STATIC, INTERFACE_STATIC ->
                code.invokestatic(owner, method.methodName(), type, method.isOwnerInterface());
            // Special is how the compiler for Java 8 refers to private methods, which nest mates call like others.
            case VIRTUAL, SPECIAL -> code.invokevirtual(owner, method.methodName(), type);
            case INTERFACE_VIRTUAL, INTERFACE_SPECIAL -> code.invokeinterface(owner, method.methodName(), type);
            case CONSTRUCTOR -> code.invokespecial(owner, INIT_NAME, type);
            default -> throw new IllegalStateException("A lambda cannot be " + method);
        }
    }

    /** Casts, boxes, unboxes and widens as {@link LambdaMetafactory} does. */
    private static void convert(CodeBuilder code, ClassDesc from, ClassDesc to) {
        if (from.equals(to)) return;
        if (from.isPrimitive() && to.isPrimitive()) {
            code.conversion(TypeKind.from(from), TypeKind.from(to));
        } else if (from.isPrimitive()) {
            var box = BOXES.get(from);
            code.invokestatic(box, "valueOf", MethodTypeDesc.of(box, from));
        } else if (to.isPrimitive()) {
            var primitive = BOXES.keySet().stream()
                    .filter(each -> BOXES.get(each).equals(from))
                    .findFirst()
                    .orElse(to);
            var box = BOXES.get(primitive);
            code.checkcast(box).invokevirtual(box, primitive.displayName() + "Value", MethodTypeDesc.of(primitive));
            convert(code, primitive, to);
        } else if (!to.equals(CD_Object)) {
            code.checkcast(to);
        }
    }

    private ByteArrayInputStream content(ClassDesc type) {
        var content = known.get(internalName(type) + ".class");
        return content == null ? null : new ByteArrayInputStream(content);
    }

    private static String factory(int number) {
        return "lambda" + number;
    }

    private static String captured(int number) {
        return "captured" + number;
    }

    private static String internalName(ClassDesc type) {
        var descriptor = type.descriptorString();
        return descriptor.substring(1, descriptor.length() - 1);
    }
}
