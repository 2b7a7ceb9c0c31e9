package cloudhsm.pipeline.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.source.tree.AssignmentTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ConditionalExpressionTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.ReturnTree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.lang.model.element.Name;
import javax.tools.ToolProvider;

/**
 * Every name under which the code may end something, read where it is handed over: in Java the first argument of an
 * outcome, followed through parameters, variables and methods of its file to the literals; in the client's scripts the
 * first word after {@code fail}; in the definitions the member {@code Error}. What cannot be followed is listed, so that
 * nothing is overlooked in silence.
 */
final class FailureNames {
    /** Types whose first component is the name. */
    private static final Set<String> OUTCOMES =
            Set.of("Outcome.Failed", "Outcome.Left", "Outcome.Gone", "Outcome.Retry", "Outcome.Refused", "Target.None");

    private final Set<String> names = new TreeSet<>();
    private final Set<String> unfollowed = new TreeSet<>();

    /** Of every string constant of the code, by its field's name: several classes may have one of a name. */
    private final Map<String, Set<String>> constants = new HashMap<>();

    private FailureNames() {}

    /**
     * @param functions directory of the functions' modules
     * @param client directory of the client's scripts
     * @param definitions of the state machines
     */
    static FailureNames read(Path functions, Path client, List<JsonNode> definitions) throws IOException {
        var found = new FailureNames();
        var units = parsed(files(functions, ".java").stream()
                .filter(file -> file.toString().contains("src/main/java"))
                .toList());
        for (var unit : units) found.readConstants(unit);
        for (var unit : units) found.new Source(unit).scan(unit, null);
        for (var script : files(client, ".sh")) found.readScript(Files.readString(script));
        for (var definition : definitions) found.readErrors(definition);
        return found;
    }

    /** As in HSM_DEGRADED. */
    Set<String> names() {
        return new TreeSet<>(names);
    }

    /** Where a name comes from outside the code, and what is written there: {@code FailExecution: input.error()}. */
    Set<String> unfollowed() {
        return new TreeSet<>(unfollowed);
    }

    private static List<Path> files(Path directory, String ending) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(ending))
                    .sorted()
                    .toList();
        }
    }

    private static List<CompilationUnitTree> parsed(List<Path> files) throws IOException {
        var compiler = ToolProvider.getSystemJavaCompiler();
        try (var manager = compiler.getStandardFileManager(null, null, null)) {
            var task = (JavacTask)
                    compiler.getTask(null, manager, null, List.of(), null, manager.getJavaFileObjectsFromPaths(files));
            var units = new ArrayList<CompilationUnitTree>();
            task.parse().forEach(units::add);
            return units;
        }
    }

    private void readConstants(CompilationUnitTree unit) {
        new TreeScanner<Void, Void>() {
            @Override
            public Void visitVariable(VariableTree variable, Void nothing) {
                if (variable.getInitializer() instanceof LiteralTree literal
                        && literal.getValue() instanceof String text) {
                    constants
                            .computeIfAbsent(variable.getName().toString(), name -> new TreeSet<>())
                            .add(text);
                }
                return super.visitVariable(variable, null);
            }
        }.scan(unit, null);
    }

    private void readScript(String script) {
        Pattern.compile("(?m)(?:^|[ ;])(?:fail|report FAILED) (\\S+) \"")
                .matcher(script)
                .results()
                .forEach(call -> {
                    var name = call.group(1);
                    if (name.startsWith("\"$")) {
                        var variable = name.replaceAll("[\"${}]", "");
                        if (variable.equals("1")) return; // the function itself
                        Pattern.compile("\\b" + variable + "=([A-Z_]+)")
                                .matcher(script)
                                .results()
                                .forEach(value -> names.add(value.group(1)));
                    } else {
                        names.add(name);
                    }
                });
    }

    private void readErrors(JsonNode node) {
        var error = node.path("Error").asText();
        if (!error.isEmpty() && !error.startsWith("{%")) names.add(error);
        node.forEach(this::readErrors);
    }

    /** One file, and the method in which the scan is. */
    private final class Source extends TreeScanner<Void, MethodTree> {
        private final CompilationUnitTree unit;
        private final String file;

        private Source(CompilationUnitTree unit) {
            this.unit = unit;
            this.file = Path.of(unit.getSourceFile().getName())
                    .getFileName()
                    .toString()
                    .replace(".java", "");
        }

        @Override
        public Void visitMethod(MethodTree method, MethodTree outer) {
            return super.visitMethod(method, method);
        }

        @Override
        public Void visitNewClass(NewClassTree made, MethodTree within) {
            if (OUTCOMES.contains(made.getIdentifier().toString())) {
                follow(made.getArguments().getFirst(), within);
            }
            return super.visitNewClass(made, within);
        }

        @Override
        public Void visitMethodInvocation(MethodInvocationTree call, MethodTree within) {
            var arguments = call.getArguments();
            var isErrorMember = call.getMethodSelect().toString().equals("Map.of")
                    && !arguments.isEmpty()
                    && arguments.getFirst() instanceof LiteralTree key
                    && "error".equals(key.getValue());
            if (isErrorMember) follow(arguments.get(1), within);
            // SendTaskFailure and StopExecution.
            if (call.getMethodSelect() instanceof MemberSelectTree select
                    && select.getIdentifier().contentEquals("error")
                    && arguments.size() == 1) {
                follow(arguments.getFirst(), within);
            }
            return super.visitMethodInvocation(call, within);
        }

        private void follow(ExpressionTree expression, MethodTree within) {
            switch (expression) {
                case LiteralTree literal -> names.add(literal.getValue().toString());
                case ConditionalExpressionTree either -> {
                    follow(either.getTrueExpression(), within);
                    follow(either.getFalseExpression(), within);
                }
                case IdentifierTree identifier -> followVariable(identifier, within);
                case MemberSelectTree select
                when constants.containsKey(select.getIdentifier().toString()) ->
                    names.addAll(constants.get(select.getIdentifier().toString()));
                case MethodInvocationTree call
                when call.getMethodSelect() instanceof IdentifierTree own -> followResults(own.getName(), expression);
                default -> unfollowed(expression);
            }
        }

        private void followVariable(IdentifierTree identifier, MethodTree within) {
            var name = identifier.getName();
            var parameters = within == null
                    ? List.<Name>of()
                    : within.getParameters().stream().map(VariableTree::getName).toList();
            if (parameters.contains(name)) {
                calls(within).forEach(call -> follow(call.arguments().get(parameters.indexOf(name)), call.within()));
                return;
            }
            var values = within == null ? List.<ExpressionTree>of() : valuesOf(name, within);
            if (!values.isEmpty()) values.forEach(value -> follow(value, within));
            else if (constants.containsKey(name.toString())) names.addAll(constants.get(name.toString()));
            else unfollowed(identifier);
        }

        /** What a local variable is given. */
        private List<ExpressionTree> valuesOf(Name name, MethodTree within) {
            var values = new ArrayList<ExpressionTree>();
            new TreeScanner<Void, Void>() {
                @Override
                public Void visitVariable(VariableTree variable, Void nothing) {
                    if (variable.getName().equals(name) && variable.getInitializer() != null)
                        values.add(variable.getInitializer());
                    return super.visitVariable(variable, null);
                }

                @Override
                public Void visitAssignment(AssignmentTree assignment, Void nothing) {
                    if (assignment.getVariable().toString().contentEquals(name)) values.add(assignment.getExpression());
                    return super.visitAssignment(assignment, null);
                }
            }.scan(within.getBody(), null);
            return values;
        }

        private record CallOf(List<? extends ExpressionTree> arguments, MethodTree within) {}

        /** Every call in this file of a method, known by its name and number of parameters. */
        private List<CallOf> calls(MethodTree method) {
            var calls = new ArrayList<CallOf>();
            new TreeScanner<Void, MethodTree>() {
                @Override
                public Void visitMethod(MethodTree caller, MethodTree outer) {
                    return super.visitMethod(caller, caller);
                }

                @Override
                public Void visitMethodInvocation(MethodInvocationTree call, MethodTree caller) {
                    if (call.getMethodSelect() instanceof IdentifierTree own
                            && own.getName().equals(method.getName())
                            && call.getArguments().size()
                                    == method.getParameters().size()) {
                        calls.add(new CallOf(call.getArguments(), caller));
                    }
                    return super.visitMethodInvocation(call, caller);
                }
            }.scan(unit, null);
            if (calls.isEmpty()) unfollowed.add(file + ": the callers of " + method.getName());
            return calls;
        }

        private void followResults(Name called, ExpressionTree expression) {
            var results = new ArrayList<ReturnTree>();
            var methods = new ArrayList<MethodTree>();
            new TreeScanner<Void, Void>() {
                @Override
                public Void visitMethod(MethodTree method, Void nothing) {
                    if (!method.getName().equals(called)) return null;
                    new TreeScanner<Void, Void>() {
                        @Override
                        public Void visitReturn(ReturnTree result, Void nothing) {
                            results.add(result);
                            methods.add(method);
                            return null;
                        }

                        @Override
                        public Void visitClass(ClassTree inner, Void nothing) {
                            return null;
                        }
                    }.scan(method.getBody(), null);
                    return null;
                }
            }.scan(unit, null);
            if (results.isEmpty()) unfollowed(expression);
            for (int i = 0; i < results.size(); i++) follow(results.get(i).getExpression(), methods.get(i));
        }

        private void unfollowed(ExpressionTree expression) {
            unfollowed.add(file + ": " + expression);
        }
    }
}
