package cloudhsm.pipeline.reencryption;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * Lists a bucket's objects, or the rows of an S3 Inventory of it, into pages: objects in the evidence bucket that name up
 * to 1,000 object versions each. Lists for as long as an invocation lasts and says where the next one goes on.
 *
 * <p>Takes what PlanReencryption has read, {@code request}, and where the listing has got to. Refusals that need a
 * person are values, {@code failed}, so that the state machine can end under their name.
 */
public final class ListObjects implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    /** What is left of an invocation when it stops listing: more than one page or inventory file ever takes. */
    private static final int SPARE_MILLISECONDS = 120_000;

    private final S3Client s3;
    private final String resultsBucket;

    /** Called by Lambda, once per execution environment. */
    public ListObjects() {
        this(Aws.s3(), System.getenv("RESULTS_BUCKET"));
    }

    ListObjects(S3Client s3, String resultsBucket) {
        this.s3 = s3;
        this.resultsBucket = resultsBucket;
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> input, Context context) {
        var request = ListingRequest.of(input.get("request"));
        var pages =
                new Pages(s3, resultsBucket, text(input, "folder"), number(input, "pages"), number(input, "objects"));
        var position = text(input, "position");
        try {
            var source = source(request);
            do {
                position = source.list(pages, position);
            } while (!position.isEmpty() && context.getRemainingTimeInMillis() > SPARE_MILLISECONDS);
        } catch (Inventory.UnusableException unusable) {
            return failed("INVENTORY_UNUSABLE", unusable.getMessage());
        } catch (AwsServiceException refused) {
            if (Decision.passes(refused)) throw S3FailedException.of(refused);
            return failed(
                    "LISTING_REFUSED",
                    "S3 refuses to list s3://" + request.bucket() + ": " + Decision.code(refused)
                            + ". Nothing was changed. Next: check the bucket's name and Region, its policy, the"
                            + " template's parameter BucketNamePattern and, of an inventory, its URI and key.");
        } catch (SdkClientException broken) {
            throw S3FailedException.of(broken);
        }
        return Map.of("position", position, "pages", pages.count(), "objects", pages.objects());
    }

    private ObjectSource source(ListingRequest request) throws Inventory.UnusableException {
        return request.inventory().isEmpty()
                ? new Listing(s3, request.bucket(), request.prefix(), request.all(), request.pageSize())
                : Inventory.open(
                        s3, request.bucket(), request.prefix(), request.all(), request.inventory(), request.pageSize());
    }

    private static Map<String, Object> failed(String error, String cause) {
        return Map.of("failed", Map.of("error", error, "cause", cause));
    }

    private static String text(Map<String, Object> input, String name) {
        return Optional.ofNullable(input.get(name)).map(Object::toString).orElse("");
    }

    private static int number(Map<String, Object> input, String name) {
        return input.get(name) instanceof Number number ? number.intValue() : 0;
    }
}
