package cloudhsm.pipeline.localcloud.s3;

import cloudhsm.pipeline.localcloud.http.PostForm;
import cloudhsm.pipeline.localcloud.protocol.AwsResponse;
import cloudhsm.pipeline.localcloud.wire.AwsRequest;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * POST Object: an upload by a browser's form.
 *
 * @see <a href="https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html">POST Object</a>
 */
final class PostOperations {
    /** Fields that say something other than the header of their name. */
    private static final Set<String> NO_HEADERS = Set.of(
            "key",
            "acl",
            "tagging",
            "bucket",
            "file",
            "policy",
            "redirect",
            "success_action_redirect",
            "success_action_status",
            "submit");

    private final Buckets buckets;
    private final ObjectStore store;
    private final ObjectOperations objects;
    private final EventSender events;

    PostOperations(Buckets buckets, ObjectStore store, ObjectOperations objects, EventSender events) {
        this.buckets = buckets;
        this.store = store;
        this.objects = objects;
        this.events = events;
    }

    AwsResponse postObject(S3Request request) {
        var contentType = request.header("content-type").orElse("");
        if (!PostForm.isOne("POST", contentType)) {
            throw S3Errors.preconditionFailed("Bucket POST must be of the enclosure-type multipart/form-data");
        }
        // A request with a signature of its own in the header needs no policy; S3 wants one all the same.
        if (request.hasHeader("authorization"))
            throw S3Errors.notImplemented("POST Object with an Authorization header");
        var bucket = buckets.find(request);
        var form = PostForm.parse(contentType, request.body());
        var post = upload(request, form);
        requirePolicy(form, post);
        ObjectOperations.requireKey(post);
        var upload = objects.upload(post, bucket, Checksums.verify(post, form.file()));
        var version = store.store(post, bucket, form.file(), upload);
        events.created(post, bucket, version, "ObjectCreated:Post", "POST Object");
        return answer(post, form, bucket, version);
    }

    private void requirePolicy(PostForm form, S3Request post) {
        var fields = new HashMap<>(form.fields());
        fields.put("key", post.key());
        PostPolicy.parse(form.field("policy").orElseThrow(() -> S3Errors.accessDenied("Access Denied")))
                .requireFulfilled(
                        fields,
                        post.bucket(),
                        form.file().length,
                        post.caller().clock().instant());
    }

    /** The upload as a PUT of the same object would come: the form's fields are the headers. */
    private static S3Request upload(S3Request request, PostForm form) {
        var key = form.field("key")
                .orElseThrow(() -> S3Errors.invalidArgument(
                        "key",
                        "",
                        "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of"
                                + " the fields."))
                .replace("${filename}", form.fileName());
        if (key.isEmpty()) {
            throw S3Errors.invalidArgument("key", "", "User key must have a length greater than 0.");
        }
        S3Request.requireInside(key);
        var headers = new HashMap<String, List<String>>();
        request.header("host").ifPresent(host -> headers.put("host", List.of(host)));
        form.fields().forEach((name, value) -> {
            if (!NO_HEADERS.contains(name) && !name.startsWith("x-ignore-")) headers.put(name, List.of(value));
        });
        form.field("acl").ifPresent(acl -> headers.put("x-amz-acl", List.of(acl)));
        form.field("tagging").ifPresent(xml -> headers.put("x-amz-tagging", List.of(Tags.asHeader(xml))));
        var sent = request.request();
        return new S3Request(
                new AwsRequest(
                        sent.service(),
                        sent.method(),
                        sent.rawPath(),
                        sent.query(),
                        headers,
                        form.file(),
                        sent.caller(),
                        sent.requestId()),
                request.bucket(),
                key);
    }

    private static AwsResponse answer(S3Request post, PostForm form, Bucket bucket, ObjectVersion version) {
        var headers = ObjectOperations.written(bucket, version);
        var redirect = form.field("success_action_redirect")
                .or(() -> form.field("redirect"))
                .flatMap(PostOperations::uri);
        if (redirect.isPresent()) {
            var query = "bucket=" + encoded(post.bucket()) + "&key=" + encoded(post.key()) + "&etag="
                    + encoded(version.quotedEtag());
            var target = redirect.get();
            headers.put("Location", target + (target.getRawQuery() == null ? "?" : "&") + query);
            return new AwsResponse(303, headers, new byte[0]);
        }
        var location = location(post);
        headers.put("Location", location);
        return switch (form.field("success_action_status").orElse("204")) {
            case "200" -> new AwsResponse(200, headers, new byte[0]);
            case "201" ->
                XmlText.plain("PostResponse")
                        .put("Location", location)
                        .put("Bucket", post.bucket())
                        .put("Key", post.key())
                        .put("ETag", version.quotedEtag())
                        .response(201, headers);
            default -> new AwsResponse(204, headers, new byte[0]); // any other number counts as none
        };
    }

    /** Empty for what is no address of a page, which S3 takes as if it were not there. */
    private static Optional<URI> uri(String text) {
        try {
            var uri = new URI(text);
            return "http".equals(uri.getScheme()) || "https".equals(uri.getScheme())
                    ? Optional.of(uri)
                    : Optional.empty();
        } catch (URISyntaxException noUri) {
            return Optional.empty();
        }
    }

    private static String location(S3Request post) {
        var host = post.header("host").orElse("");
        var path = host.startsWith(post.bucket() + ".") ? "/" : "/" + post.bucket() + "/";
        return "http://" + host + path + encoded(post.key());
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
