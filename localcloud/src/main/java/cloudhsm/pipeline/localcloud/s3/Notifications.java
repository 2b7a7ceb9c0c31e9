package cloudhsm.pipeline.localcloud.s3;

import java.util.List;

/** A bucket's notification configuration. */
record Notifications(boolean eventBridge, List<Destination> destinations) {
    static final Notifications NONE = new Notifications(false, List.of());

    Notifications {
        destinations = List.copyOf(destinations);
    }

    /** What S3 sends to, beside EventBridge. In the order in which S3 lists them. */
    enum Kind {
        TOPIC("Topic", "sns"),
        QUEUE("Queue", "sqs");

        /** The member that names the destination; with "Configuration" behind it, the element around it. */
        final String element;

        /** In the destination's ARN. */
        final String service;

        Kind(String element, String service) {
            this.element = element;
            this.service = service;
        }
    }

    /**
     * One destination.
     *
     * @param events for example {@code s3:ObjectCreated:*}
     * @param prefix of the keys it is for; "" for all
     * @param suffix of the keys it is for; "" for all
     */
    record Destination(Kind kind, String id, String arn, List<String> events, String prefix, String suffix) {
        Destination {
            events = List.copyOf(events);
        }

        /** @param event without the prefix "s3:", as in the message */
        boolean wants(String event, String key) {
            return key.startsWith(prefix)
                    && key.endsWith(suffix)
                    && events.stream().anyMatch(pattern -> covers(pattern, "s3:" + event));
        }

        /** Two configurations for the same event and the same key are one too many for S3, whatever they send to. */
        boolean overlaps(Destination other) {
            return events.stream()
                            .anyMatch(mine -> other.events.stream()
                                    .anyMatch(theirs -> covers(mine, theirs) || covers(theirs, mine)))
                    && (prefix.startsWith(other.prefix) || other.prefix.startsWith(prefix))
                    && (suffix.endsWith(other.suffix) || other.suffix.endsWith(suffix));
        }

        private static boolean covers(String pattern, String event) {
            return pattern.equals(event)
                    || pattern.endsWith(":*") && event.startsWith(pattern.substring(0, pattern.length() - 1));
        }
    }
}
