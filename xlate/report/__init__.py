"""What is shown of answers: pictures, pages, and text of others made safe to show.

It takes values and gives bytes, text or tables; it asks no session, and knows no options
of the command line. matplotlib is loaded only where a picture is drawn.
"""
