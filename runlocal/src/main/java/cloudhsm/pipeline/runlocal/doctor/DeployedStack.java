package cloudhsm.pipeline.runlocal.doctor;

import cloudhsm.pipeline.localcloud.wire.XmlElement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * A stack as CloudFormation describes it.
 *
 * @param parameters what each has, by name
 * @param physicalIds of its resources, by logical id
 */
public record DeployedStack(
        String name, String status, Map<String, String> parameters, Map<String, String> physicalIds) {
    private static final Set<String> SETTLED =
            Set.of("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE");

    /** Asks CloudFormation; empty where there is no such stack. @throws AwsFailure where AWS refuses or does not answer */
    public static Optional<DeployedStack> read(Aws aws, String name) {
        XmlElement stack;
        try {
            stack = Xml.items(aws.query(Api.CLOUDFORMATION, "DescribeStacks", Map.of("StackName", name)), "Stacks")
                    .getFirst();
        } catch (AwsFailure absent) {
            if (absent.code().equals("ValidationError")) return Optional.empty();
            throw absent;
        }
        var parameters = new TreeMap<String, String>();
        for (var parameter : Xml.items(stack, "Parameters"))
            parameters.put(Xml.text(parameter, "ParameterKey"), Xml.text(parameter, "ParameterValue"));
        var physicalIds = new LinkedHashMap<String, String>();
        for (var resource : resources(aws, name))
            physicalIds.put(Xml.text(resource, "LogicalResourceId"), Xml.text(resource, "PhysicalResourceId"));
        return Optional.of(new DeployedStack(name, Xml.text(stack, "StackStatus"), parameters, physicalIds));
    }

    private static List<XmlElement> resources(Aws aws, String name) {
        var request = new TreeMap<>(Map.of("StackName", name));
        var resources = new ArrayList<XmlElement>();
        while (true) {
            var answer = aws.query(Api.CLOUDFORMATION, "ListStackResources", request);
            resources.addAll(Xml.items(answer, "StackResourceSummaries"));
            var token = Xml.text(answer, "NextToken");
            if (token.isEmpty()) return resources;
            request.put("NextToken", token);
        }
    }

    /** Whether nothing is under way, and nothing has failed half-way. */
    public boolean isSettled() {
        return SETTLED.contains(status);
    }

    /** What is known by this logical id; empty where the stack has no such resource. */
    public Optional<String> physicalId(String logicalId) {
        return Optional.ofNullable(physicalIds.get(logicalId));
    }
}
