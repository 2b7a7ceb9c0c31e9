package newer;

class Newer {
    Runnable run = () -> {};
}
