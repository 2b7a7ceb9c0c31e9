public final class SsmDocuments {
    public static void main(String[] a) {}
}
